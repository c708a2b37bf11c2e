.PHONY: check lint types test format quickstart

check: lint types test

lint:
	ruff check .
	ruff format --check .

types:
	mypy
	mypy train.py evaluate.py chat.py runs.py command_line.py evaluation_command.py text_commands.py dialogue_command.py

test:
	pytest

format:
	ruff check --fix .
	ruff format .

quickstart:
	python train.py
