from __future__ import annotations

import pytest

from rag.query.conversation.follow_up import FollowUpType, follow_up_type, fragment
from rag.query.conversation.references import places

FOLLOW_UPS = """
and in 2024?
How accurate is the tiny one on ImageNet?
which of those run on phones?
tell me more about the second
tell me more
Tell me more about [2].
why?
Why is that?
more
what about Mistral?
How about vision transformers?
same for optimizers
And on phones?
on phones?
since 2023?
2024?
only those with code
just the newest
which is the newest?
which of them need no retraining?
do any of them work on CPUs?
how do they compare?
How do those two compare?
Compare the first and the third.
what does the second one need?
is the code of the third public?
who wrote it?
who are the authors?
What else did he write?
Does the method need retraining?
Summarise that paper
explain it
tell me more about that paper
what are its limits?
do they share code?
what are their drawbacks?
Does it run on a laptop?
By how much?
how much faster?
any others?
what else?
and by Song Han?
and with more than five authors?
and at ICML?
Which ones are open source?
are those peer reviewed?
Does this work for images too?
And the latter?
Is the former faster?
the first one, please
is there code for it?
And what about the GPU memory?
Which of these two is cheaper?
how accurate?
really?
Could you explain the second in more detail?
does the same hold for vision models?
has anyone reproduced it?
In what year was it published?
is that better than LoRA?
Can I run it on a phone?
rank them by date
without code?
show me more
what do they measure it on?
And for training?
Or on TPUs?
How many GPUs were used?
Why not?
Does that also hold for BERT?
what about before that?
Can you summarise them?
Which of those papers are from 2024?
"""
STAND_ALONE = """
which of the two optimizers, Adam and LAMB, is better at large batch sizes?
What is the second-order method that trains language models?
how do those who train with FP8 avoid overflow?
Which papers cut KV-cache memory?
How accurate is the one-shot pruner on ImageNet?
How does FlashAttention reduce memory traffic, and does it work on A100 GPUs?
Is it possible to train in FP8?
How long does it take to train GPT-2 on one GPU?
How hard is it to quantize Mamba?
Which paper says that attention is not needed?
Who was the first to prune attention heads?
What was the first paper on mixture of experts?
that paper about attention sinks
Is there a paper that shows that depth beats width?
papers by Tri Dao before 2024
KV cache compression
FlashAttention
quantization since 2023
On the Variance of the Adaptive Learning Rate and Beyond
In Defense of Pure 16-bit Floating-Point Neural Networks
How do people train when they have few GPUs?
Which methods prune a model without retraining it?
What does SliceGPT take out of a model?
Do LARS and LAMB beat Adam at large batch sizes?
Which is better, Adam or SGD?
And which papers train with FP8?
So which papers cut KV-cache memory?
what do the papers from the last two years say about sparsity?
Which paper has "attention" in its title?
Does Mamba beat transformers at what they do best?
I have a laptop with 8 GB. Which models fit on it?
Put these in order of appearance: FlashAttention, Mamba and ZeRO
Which of these is oldest: ZeRO, Megatron-LM or GPipe?
When was it shown that dropout regularises?
Which language models write CUDA kernels and how fast are they?
tell me about mixture of experts
Tell me more about FlashAttention
more about state space models
What does it take to serve a 70B model on one card?
explain rotary embeddings
Describe the second moment estimate in Adam.
What is the last layer of GPT-2 used for?
How is the learning rate warmed up in the first epochs?
In 2024, which papers pruned language models?
For language models, which optimizer needs the least memory?
The first paper that used FP8 for training
Which systems that offload to disk say how slow they become?
Does it help to prune before quantizing?
which papers on pruning have their code public?
Who else trains with FP8?
What are the newest papers on Mamba?
How many papers are about quantization?
Is this collection about hardware?
What about the effect of batch size on generalization has been proved?
Which GPUs are those that Megatron was trained on?
Compare FlashAttention and FlashAttention-2: which of them is faster?
Which works better for long contexts, ring attention or sparse attention?
Why does Adam need more memory than SGD?
Why do transformers need warmup?
how much energy does training take?
How does the optimizer affect generalization?
What is that paper with the lottery in its title called?
I remember a paper where they train a model on one GPU in a day
Without retraining, how small can a language model be made?
with 4 bits, does accuracy drop?
Hello
what is a state space model?
describe quantization
Is there a survey on making mixture-of-experts models run faster?
What is it that makes attention quadratic?
Which papers say "all you need" in their title?
Does a model that fits in memory run faster than one that does not?
When researchers prune a model, how do they pick the weights?
Can the weights of a network be stored so that it runs on a phone?
Which two papers disagree on whether LAMB is needed?
the two newest papers on pruning
What is the third generation of tensor cores used for?
Which paper is number 2 in a series on ZeRO?
How do the first two ZeRO stages differ?
Are there papers that compare those optimizers that need no tuning?
Which papers show that this is NP-hard: scheduling tensor programs?
Under what conditions does SGD converge?
Between 2020 and 2022, who worked on sparse attention?
By what factor does ZeRO cut memory?
"""


@pytest.mark.parametrize("question", FOLLOW_UPS.strip().split("\n"))
def test_question_that_leans_on_earlier_turns_is_recognised(question: str) -> None:
    assert follow_up_type(question)


@pytest.mark.parametrize("question", STAND_ALONE.strip().split("\n"))
def test_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert follow_up_type(question) is None


@pytest.mark.parametrize(
    ("question", "lean"),
    [
        ("no, I meant on GPUs", "correction"),
        ("how fast is the second one?", "places"),
        ("tell me more", "more"),
        ("which of those run on phones?", "group"),
        ("and in 2024?", "swap"),
        ("by how much?", "bare"),
        ("does it run on a laptop?", "reference"),
        ("and how much does training cost?", "joined"),
    ],
)
def test_how_a_question_leans_is_told(question: str, lean: FollowUpType) -> None:
    assert follow_up_type(question) == lean


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("and in 2024?", "in 2024"),
        ("What about Mistral instead?", "Mistral"),
        ("same for optimizers", "optimizers"),
        ("only those with code", "those with code"),
        ("with 4 bits, does accuracy drop?", None),
        ("and which papers train with FP8?", None),
    ],
)
def test_part_that_is_exchanged_is_what_is_left_without_its_opening(question: str, part: str | None) -> None:
    assert fragment(question) == part


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("the first two, please", [1, 2]),
        ("compare the first and the third", [1, 3]),
        ("tell me more about [2] and [4]", [2, 4]),
        ("the last one", [-1]),
        ("is paper 3 open?", [3]),
        ("how does GPT-2 differ from Llama 3?", []),
        ("what does the second moment do?", []),
        ("papers of the last two years", []),
    ],
)
def test_places_in_an_earlier_answer_are_found(question: str, found: list[int]) -> None:
    assert [place for _, _, place in places(question)] == found


def test_long_text_says_by_itself_what_it_wants() -> None:
    assert follow_up_type("and it does that " * 20) is None
