# Every target works on a bare checkout with git, make, python3 and python3-venv, as root and as an ordinary user.
# Settings come from the environment: WEB_PORT, SIP_PORT, LISTEN_HOST, DATABASE_URL, REDIS_URL, VAR_DIR, PYTHON.

# Debian's own Python is the fastest one around, so it goes first.
PYTHON3 := $(or $(PYTHON),$(firstword $(wildcard /usr/bin/python3) python3))
BOOTSTRAP := $(PYTHON3) -m voip.platform.bootstrap
unexport PYTHONDONTWRITEBYTECODE
export CONFIRM

.DEFAULT_GOAL := help
.PHONY: help run compile test test-kill fuzz doctor stop reset bench lint format manage requirements

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

run: ## Set everything up and run the platform until Ctrl-C
	@$(BOOTSTRAP) run

compile: ## Turn SIP stack and switch into machine code; `make run` uses it while it fits the sources
	@$(BOOTSTRAP) compile

test: ## Set up what tests need and run all checks and tests; ARGS go to pytest
	@$(BOOTSTRAP) test $(ARGS)

test-kill: ## Kill every process at random under a minute of calls and compare the books with the peers' logs
	@KILL_SECONDS=60 $(BOOTSTRAP) test tests/e2e/test_kill.py -s

fuzz: ## Send 100,000 hostile messages to a node and fuzz the parser for longer; FUZZ_SEED chooses others
	@FUZZ_MESSAGES=100000 FUZZ_PARSER_RUNS=500000 $(BOOTSTRAP) test tests/fuzz -s

doctor: ## Check this machine and print the line that mends what is wrong
	@$(BOOTSTRAP) doctor

stop: ## Stop a platform that runs in another terminal
	@$(BOOTSTRAP) stop

reset: ## Delete database, call records and secrets of this checkout; asks, or CONFIRM=yes
	@$(BOOTSTRAP) reset

bench: ## Measure a call beside other servers
	@$(BOOTSTRAP) bench $(ARGS)

lint: ## Run the checks that need no database
	@$(BOOTSTRAP) lint

format: ## Lay the code out
	@$(BOOTSTRAP) format

manage: ## Run a Django command: make manage ARGS="createsuperuser"
	@$(BOOTSTRAP) manage $(ARGS)

requirements: ## Choose package versions anew and write the two hashed lists
	@$(BOOTSTRAP) requirements
