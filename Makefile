.PHONY: check lint types test format quickstart

check: lint types test

lint:
	ruff check .
	ruff format --check .

types:
	mypy
	mypy train.py evaluate.py

test:
	pytest

format:
	ruff check --fix .
	ruff format .

quickstart:
	python train.py
