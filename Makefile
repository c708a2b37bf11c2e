.PHONY: check lint types test format quickstart

check: lint types test

lint:
	ruff check .
	ruff format --check .

types:
	mypy

test:
	pytest

format:
	ruff check --fix .
	ruff format .

quickstart:
	python train.py
