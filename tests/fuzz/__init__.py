"""Coverage-guided fuzzing of the readers, with a kept corpus (``tests/data/corpus``)."""
