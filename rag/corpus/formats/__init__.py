"""Readers of files of papers, one for each family of formats.

Each yields an Entry for a record: where it begins, and the values of its fields under the names of `vocabulary`.
"""
