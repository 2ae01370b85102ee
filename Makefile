# SPDX-License-Identifier: MIT
# The short front door: each target is one line over a CMake preset or a script. `make help` lists them.
.DEFAULT_GOAL := all
.PHONY: all demo test interop asan tsan fuzz bench cov lint fmt mingw install dist dev clean help

PREFIX ?= /usr/local
build = cmake --preset $(1) $(if $(wildcard $(2)/build.ninja),,-G Ninja) >/dev/null && ninja -C $(2) $(3)

all: ## build the command and the library into build/
	@scripts/deps.sh build
	@$(call build,release,build)

demo: all ## install what is missing, build, and show that every kind joins every other
	@build/plug tour

test: ## all tests: release build for budgets, ASan+UBSan build for all else
	@scripts/deps.sh build test
	@scripts/test.sh release asan

interop: ## real FTP, SMTP, POP3 and HTTP servers behind plug
	@scripts/deps.sh build test interop bench
	@scripts/test.sh interop

asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/deps.sh build test
	@scripts/test.sh asan

tsan: ## the tests under ThreadSanitizer
	@scripts/deps.sh build test
	@scripts/test.sh tsan

fuzz: ## the corpora as tests, then FUZZ_SECONDS (180) shared by all targets
	@scripts/deps.sh build fuzz
	@scripts/fuzz.sh

bench: all ## compare with socat, HAProxy and nginx in alternating runs
	@scripts/deps.sh bench
	@bench/run.py

cov: ## line coverage of core and relay from all tests
	@scripts/deps.sh build test cov
	@scripts/coverage.sh

lint: ## layers, banned calls, sizes, format, spelling, headers alone, clang-tidy
	@scripts/deps.sh build lint
	@scripts/lint.sh

fmt: ## format the sources
	@git ls-files '*.[ch]' | xargs clang-format -i

mingw: ## compile os, util, loop and core for Windows
	@scripts/deps.sh build mingw
	@$(call build,mingw,build-mingw)

dev: ## a debug build with warnings as errors; links compile_commands.json
	@$(call build,dev,build-dev)
	@ln -sf build-dev/compile_commands.json .

dist: ## fill dist/: sources, Debian packages, a static command; each is tried
	@scripts/deps.sh build dist
	@scripts/dist.sh

install: all ## install under PREFIX (/usr/local)
	@cmake --install build --prefix $(PREFIX)

clean: ## remove every build folder
	@rm -rf build build-* dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
