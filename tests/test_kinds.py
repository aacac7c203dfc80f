from __future__ import annotations

from datetime import date

import pytest

from rag.query.understanding.understand import KnownNames, understand
from rag.types import Kind

KNOWN = KnownNames(
    frozenset({"Ada Quill", "Bo Tanaka", "C. K. Long", "Adam Stone"}), frozenset({"ICML 2023", "MICRO 2024"})
)
TODAY = date(2025, 10, 20)

LIST = r"""
Which papers shrink the footprint of optimizer states?
which papers speed up attention on GPUs?
Which articles deal with sparse attention?
What papers are there on speculative decoding?
What work has been done on weather forecasting with transformers?
What's out there on pruning?
Who has tried evolutionary search for hyperparameters?
Who trains on thousands of GPUs?
Has anyone used diffusion for chip layout?
Has anybody looked into grokking?
Did anybody try spiking networks on phones?
Is there anything about carbon footprint?
Are there any surveys of model merging?
Are there papers on tabular data?
Does the collection have anything on protein folding?
Does this collection cover federated learning?
Do you have papers about retrieval?
Do any papers discuss catastrophic forgetting?
List everything on quantum annealing.
List all the methods that avoid backpropagation
Show me papers on tokenizers
Give me all work on mixture of experts
Find papers about long context
Can you recommend some papers on data selection?
I'm looking for papers about low-rank adapters
I want to read about activation checkpointing
I need papers on robust training
KV cache compression
quantization of vision transformers
sparse autoencoders
Ways to speed up attention on CPUs?
ways to train without a GPU
Tools to find slow code?
Tricks for fitting a big model on a small card
Methods for low-bit training
How do people evaluate compilers with ML?
How can I shrink a model without retraining?
How to serve many adapters at once?
What tricks make training stable?
What methods exist for unlearning?
What benchmarks test agents on coding?
Which optimizers need less memory than Adam?
Which language models run on phones?
What open-source libraries help with kernel fusion?
What does the collection say about distillation?
What does the library have on robots?
Where has reinforcement learning been used for databases?
Where is Monte Carlo tree search applied?
Anyone doing routing between models?
Anything on hallucination?
everything about speculative decoding
Tell me about mixture of experts
Summarize what is known about scaling laws
Can language models solve olympiad problems?
Can a neural network replace a cost model?
What are the approaches to KV eviction?
What are some alternatives to attention?
Which of the papers use Triton?
Which datasets of kernels were published?
how many papers are about pruning?
Any work on analog hardware?
papers that cut training cost
Studies of low-precision matrix products
Which teams train on AMD cards?
Which works compare Adam and SGD?
Which papers study dense versus sparse retrieval?
Robots slip on sand all the time. Anyone fixing that?
I want to walk on sand. What is there for that?
When robots slip, who looks for better soles?
I am new to dunes. Which overview articles should I read first?
Which abstracts talk about sand?
sand robots: which papers test them outdoors?
How should the batch size be chosen as models grow?
How do the papers here avoid slipping?
What slip rates do the walking papers reach?
What slip rates do the walking models in this collection reach?
Which wheels for soft ground are presented?
Walking outdoors is costly. Can shorter walks give the same ranking?
Can small models teach large ones?
CNNs or LLMs for dune maps: labels, masks, outlines
tracking dunes from above – what's in here
accuracy of quantized models
cost of training large models
Language models that cannot recall facts
GPU kernels? please list them
"""

FACT = r"""
How many parameters does Pebble have?
How much faster is Pebble than its baseline?
How long did the training of Pebble take?
How large is the dataset of sand dunes?
How accurate is the sand controller?
How fast does the robot walk?
At what temperature does the qubit operate?
By how much does pruning cut memory in Pebble?
What accuracy does Pebble reach on MMLU?
What is the throughput of Pebble on an A100?
What speedup does fusing kernels give?
What average gain is reported for the sand controller?
Which GPU was Pebble measured on?
Which optimizer won in the contest?
Which dataset was used to train the controller?
Which metric does Pebble optimize?
Why does Pebble evict old keys?
Why do robots slip?
When was Pebble released?
What does Pebble do with old keys?
What is Pebble?
How does Pebble choose the keys to drop?
How does the controller learn to walk?
In the sand study, how many trials fail?
On MMLU, what accuracy does Pebble keep?
What loss does the model reach after 100B tokens?
What compression ratio does Pebble reach?
Does Pebble need retraining?
Is Pebble lossless?
Did they try it on larger models?
Was the controller tested outdoors?
Can Pebble run on a CPU?
Which language does the compiler target?
What hardware does the study use?
What did the ablation show?
What makes Pebble fast?
Explain how Pebble evicts keys.
What does the Pebble paper say about accuracy?
What learning rate was used for the 7B model?
Who won the contest on sand?
And how much memory does it save?
So what recall did it reach?
How many GPUs were used, and for how long?
To what size was the model compressed?
With how many bits does Pebble store keys?
What fraction of the keys is dropped?
How well does it generalize to new terrain?
How often does it fall?
What is the main idea of Pebble?
What problem does Pebble solve?
For which model was the 2x speedup measured?
What is the perplexity of Pebble at 2 bits?
Over how many tasks was it averaged?
Which layer benefits the most?
How many times smaller is the model?
What is the lower bound that the paper proves?
What limits Pebble?
tell me how sand controllers work
speed and energy use of the chip that counts grains
GPU-hours needed to search the sand network
recall of DuneNet and how many people used it
Walking speed of a two-legged robot on gravel?
Using softer soles, how short can you make the stopping distance?
Robots with a single sensor: what are the two kinds of slip they see?
Which two robot models were shrunk to fit, and by what factor did they shrink?
Wheels versus legs under equal power: after how many hours would the wheels catch up?
On which boards was Pebble measured, Red Board or Blue Board?
In which node, 7 nm or 28 nm, was the chip made?
There is a dataset of dunes. How many grains has it, and by how much does the robot beat Gravel?
List the findings of Walking Robots Part II.
If power is short, how many robots fit?
Does it take 10 minutes or so?
"""

COMPARE = r"""
Pebble versus Gravel: which keeps more keys?
Pebble vs. Gravel
Pebble vs Gravel on long prompts
Compare Pebble and Gravel.
Compare Pebble with Gravel on memory.
Compare Pebble to Gravel
Please compare Pebble and Gravel
Contrast Pebble with Gravel.
How does Pebble differ from Gravel?
How do Pebble and Gravel differ?
How are Pebble and Gravel different?
What is the difference between Pebble and Gravel?
What are the differences between pruning and quantization?
Difference between LoRA and full tuning?
Do Pebble and Gravel agree on the best layer?
Do the two studies of sand reach the same conclusion?
Does Pebble beat Gravel?
Does Pebble really outperform Gravel on long inputs?
Is Pebble better than Gravel?
Is Pebble faster than Gravel on CPUs?
Which is better, Pebble or Gravel?
Which one is faster: Pebble or Gravel?
Two systems prune keys while decoding. How do they differ?
Three methods walk on sand. How much does each gain?
Two papers study dunes. Do they agree?
How does Pebble compare to Gravel?
How does Pebble compare with Gravel in speed?
Are Pebble and Gravel different in what they drop?
Four approaches order passes. What does each report?
quantization versus pruning for edge devices
Adam vs SGD vs Lion
Compare Adam, SGD and Lion on stability
Put Pebble and Gravel side by side.
Does sparse attention actually beat dense attention?
In contrast to Pebble, what does Gravel keep?
Which uses less memory, Pebble or Gravel?
Pebble or Gravel for a small card?
differences in how Pebble and Gravel drop keys
Pebble and Gravel both start from caches. What does each gain?
Pebble and Gravel each claim to outrun Sand. What trick does each use?
One paper says dunes help, another proves that they hurt. On which ground?
How did the recipe change when soles went from eight layers down to four?
By how much do these beat the plain robot: the one-legged walker, its sequel with wheels, and the crawler?
Pebble or Gravel for a small card? how do the approaches and speedups differ
Is Pebble or Gravel faster?
"""

LOOKUP = r"""
that paper about robots on sand
that paper with the pebbles
the paper where keys are dropped at random
the paper that introduced Pebble
the paper with the camel in its name
the Pebble paper
I remember a paper on dunes, what was it called?
I vaguely recall an article about tiny caches
I once read a paper where a robot walked on sand
What's the paper about pruning with a stone name?
what is the paper that proposed Pebble?
whats that sand paper
what was the paper with the odd title about caches?
Which paper had "Small" in the title, about caches?
Which paper is called Small Caches?
a paper called Small Cashes or so
the framework called Pebbles or something
the cache thing named Pebble or something like that
paper titled Walking Robots
I can't remember the name, it prunes caches
I forgot the title: something with qubits
Who wrote Pebble?
Who are the authors of Walking Robots on Sand?
who authored the Pebble paper
find me that paper about dunes
I'm looking for that paper where the robot slips
I'm looking for the paper that introduced sand walking
do you know that paper with the dunes?
Small Caches for Large Language Models: A Study
Walking Robots on Sand with Simulated Dunes
"Qubits for Everyone and Their Neighbours"
2401.00001
arXiv:2401.00001
https://arxiv.org/abs/2401.00001
where is that paper about qubits?
Which one was it, the paper about dunes?
the article where robots fall less
what's the name-changing paper? Pebbl or so
the paper on shallow circuits
find the Pebble paper
give me the abstract of the Pebble paper
title of the paper with "twice" in it?
I'm trying to find a paper, something about dunes
there was this paper on hashing
Don't slip: robots learn to walk on dunes... something along those lines
Sand-puppies? the robot paper with cute animals in its name
I'm looking for 'walk it again' - closing the gap between sand and stone
dunes and memory, sparse sand codes, Quill I believe
the one about camels and deserts
Small caches are sieves? can't recall the exact title, keys and grains
If you can't climb it, dig it? about robots in holes
Walk better or fall smarter?? boots vs. wheels for robots
Walking on sand: limits and laws, the monograph starting from friction
paper on turning a simple walker into a swimming one by bending its legs
8-bit pebbles paper
that 2019 paper on dunes
"""

METADATA = r"""
Which papers have one author?
Which papers were written by a single author?
papers from before 2018
Papers published in 2021
Show me the papers of 2023.
List all papers from 2024.
everything from 2020
What is the newest paper?
What's the oldest paper in the collection?
the five newest papers
latest paper
Which paper is the most recent?
How many papers are from 2024?
How many papers are there from last year?
Which papers have more than ten authors?
papers by Ada Quill
Which papers did Ada Quill write?
What has Ada Quill published?
Ada Quill's papers
Anything by Ada Quill?
What papers are by Bo Tanaka?
papers at ICML 2023
Which papers appeared at ICML?
Which papers come with code?
papers with code
papers without code
What was published in March 2025?
What was posted last month?
Which papers are from 2023 or later?
Sort these by date: Pebble, Gravel, Sand
Put these in order of appearance: Pebble, Gravel and Sand.
Sort these four by date: Pebble, Gravel, Dune and the sand paper
Which came first, Pebble or Gravel?
Order chronologically: Pebble, Gravel, Sand
Which is older, Pebble or Gravel?
List the three oldest papers
Show the latest 10 papers
papers from 2024 with code
single-author papers from 2023
solo papers
Which 2024 papers have just two authors?
How many single-author papers are there?
Does the collection have papers from 2019?
Are there any papers from before 2015?
Do you have anything by Bo Tanaka?
List papers by date
What is the newest paper in the whole collection, and when did it appear?
In which order did these appear: Pebble, Gravel, the 8-bit soles?
In which order did Pebble, Gravel and Sand appear?
How many authors do Pebble, Gravel and Sand have?
Show everything that was at NeurIPS (or NIPS), whichever year.
For which papers from before 2020 is there a link to the code?
"""

OFF_TOPIC = r"""
hello
Hi there!
Good morning
thanks
Thank you so much!
who are you
Who are you?
what can you do
What's your name?
how are you?
How are you doing today?
tell me a joke
Tell me a joke about robots
write me a poem
sing a song
what's the weather today
What is the weather like in Paris?
what time is it
Are you a robot?
are you chatgpt?
bye
ok
lol
???
42
!!!
2+2
I love you
I am bored
good bot
how old are you
what is your favourite color
Who made you?
can you help me
thank you, that was helpful
"""

CASES = [
    (question, kind)
    for kind, questions in (
        ("list", LIST),
        ("fact", FACT),
        ("compare", COMPARE),
        ("lookup", LOOKUP),
        ("metadata", METADATA),
        ("off-topic", OFF_TOPIC),
    )
    for question in questions.strip().split("\n")
]


@pytest.mark.parametrize(("question", "kind"), CASES)
def test_kind_is_told_by_the_wording(question: str, kind: Kind) -> None:
    assert understand(question, KNOWN, TODAY).kind == kind


def test_empty_question_is_off_topic() -> None:
    assert understand(" \n", KNOWN, TODAY).kind == "off-topic"


def test_greeting_before_a_question_does_not_change_its_kind() -> None:
    assert understand("Hello, which papers prune caches?", KNOWN, TODAY).kind == "list"
    assert understand("Thanks! And how much memory does it save?", KNOWN, TODAY).kind == "fact"


def test_question_about_weather_models_is_no_small_talk() -> None:
    assert understand("What is the weather model that runs on one card?", KNOWN, TODAY).kind != "off-topic"
    assert understand("Who are the authors of Pebble?", KNOWN, TODAY).kind == "lookup"
