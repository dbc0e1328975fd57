# `make` alone says what there is. Everything runs from .venv, which is made here; what else a target needs of the machine
# is listed below and installed with apt by root, or named so that an administrator can install it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
# An environment that forbids bytecode makes every worker and every program of a test compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$name" && break; done)
BIN := .venv/bin
EXAMPLE ?= web
SEED ?= 0
ROOMS ?=
OLD ?=
CASES ?=
IMAGE := build/$(EXAMPLE).tar
TIMES ?= 20
HOUSE_RULES := tests/test_rooms.py tests/test_words.py
TRIVY := v0.74.0
CRANE := v0.22.1
ORAS := v1.3.6
UMOCI := v0.6.0
GO := GOTOOLCHAIN=auto nice go
GO_BIN := $(CURDIR)/build/bin

# What is looked for = the Debian package that has it.
VENV_NEEDS := module:ensurepip=python3-venv
IMAGE_NEEDS := gpgv=gpgv /usr/share/keyrings/debian-archive-keyring.gpg=debian-archive-keyring
VM_NEEDS := $(IMAGE_NEEDS) qemu-system-x86_64=qemu-system-x86 qemu-img=qemu-utils \
	mke2fs=e2fsprogs debugfs=e2fsprogs busybox=busybox-static
TEST_NEEDS := $(IMAGE_NEEDS) gpg=gnupg guile=guile-3.0 xz=xz-utils zstd=zstd unshare=util-linux ip=iproute2 \
	openssl=openssl dockerd=docker.io chromium=chromium git=git \
	skopeo=skopeo bsdtar=libarchive-tools umoci=umoci buildah=buildah podman=podman npm=npm docker-registry=docker-registry nix-store=nix-bin \
	mmdebstrap=mmdebstrap gtk-update-icon-cache=gtk-update-icon-cache systemd-tmpfiles=systemd \
	$(VM_NEEDS)

BENCH_NEEDS := skopeo=skopeo umoci=umoci buildah=buildah zstd=zstd openssl=openssl

.PHONY: help
help: ## say what there is (the default)
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' \
		| while IFS=$$'\t' read -r target what; do printf 'make %-13s %s\n' "$$target" "$$what"; done

.PHONY: image
image: .venv/.runtime ## build build/web.tar from examples/web.json; EXAMPLE=base, shop or sysimage builds another
	@.ci/need $(IMAGE_NEEDS)
	@mkdir -p build
	@if test -x examples/$(EXAMPLE)/prepare; then examples/$(EXAMPLE)/prepare; fi
	@$(BIN)/sysimage build --output $(IMAGE) $(wildcard examples/$(EXAMPLE).json examples/$(EXAMPLE).jsonc)

.PHONY: test-fast
test-fast: .venv/.dev ## run the tests that need nothing but Python: no apt, no engine, no namespaces; a minute or two
	@$(BIN)/python -m pytest -n $$(($$(nproc) * 3 / 2)) --dist worksteal -m 'not programs and not slow' $(HOUSE_RULES:%=--ignore %) tests  # some wait

.PHONY: test
test: .venv/.dev ## run all tests: with the real clients of images, in namespaces, and the core in a virtual machine
	@.ci/need $(TEST_NEEDS)
	@$(BIN)/python -m pytest -n auto --dist worksteal tests
	@$(MAKE) vmtest

.PHONY: workloads
workloads: .venv/.dev ## build images of real services and compilers, boot them in namespaces, ask whether they work; needs root
	@.ci/need $(IMAGE_NEEDS) unshare=util-linux ip=iproute2
	@SYSIMAGE_WORKLOAD_TESTS=1 $(BIN)/python -m pytest --durations=0 --durations-min=1 tests/workloads

.PHONY: scripts
scripts: .venv/.dev ## compare what is read from maintainer scripts with what dpkg makes by running them in a chroot; needs root
	@.ci/need $(IMAGE_NEEDS) mmdebstrap=mmdebstrap dpkg-deb=dpkg
	@SYSIMAGE_SCRIPT_TESTS=1 $(BIN)/python -m pytest -s --durations=0 --durations-min=1 tests/dpkg_configure

.PHONY: vmtest
vmtest: .venv/.dev ## boot images in a virtual machine: the core, some minutes where the processor is emulated
	@.ci/need $(VM_NEEDS)
	@$(BIN)/python -m pytest -m core --durations=0 --durations-min=1 vmtests

.PHONY: vmtest-full
vmtest-full: .venv/.dev ## the same with every kind of image, engine, option and fault; most of an hour emulated
	@.ci/need $(VM_NEEDS) nix-store=nix-bin chromium=chromium
	@$(BIN)/python -m pytest --durations=0 --durations-min=1 vmtests

.PHONY: fuzz
fuzz: .venv/.dev ## try properties and hostile inputs with TIMES as many examples, other ones for each SEED
	@.ci/need $(TEST_NEEDS)
	@echo "SEED=$(SEED) TIMES=$(TIMES)"
	@$(BIN)/python -m pytest -n auto --dist worksteal -m hypothesis --hypothesis-seed=$(SEED) --more-examples=$(TIMES) tests

.PHONY: peers
peers: .venv/.dev ## run the tests that docs/peers.md names, and those of crane, oras and umoci, which are built with Go
	@.ci/need $(TEST_NEEDS) go=golang-go
	@GOBIN=$(GO_BIN) $(GO) install github.com/google/go-containerregistry/cmd/crane@$(CRANE)
	@GOBIN=$(GO_BIN) $(GO) install oras.land/oras/cmd/oras@$(ORAS)
# umoci replaces a module of others, which `go install` refuses: it is built where its source is.
	@cd "$$($(GO) mod download -json github.com/opencontainers/umoci@$(UMOCI) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" \
		&& $(GO) build -o $(GO_BIN)/umoci ./cmd/umoci
	@SYSIMAGE_GO_PROGRAMS=$(GO_BIN) $(BIN)/python -m pytest -n auto --dist worksteal $$(.ci/peers) tests/clients/test_go_clients.py

.PHONY: trivy
trivy: .venv/.dev ## build the scanner trivy with Go, half an hour the first time, and compare what it finds with lock files
	@.ci/need $(IMAGE_NEEDS) go=golang-go
	@GOBIN=$(GO_BIN) GOEXPERIMENT=jsonv2 $(GO) install github.com/aquasecurity/trivy/cmd/trivy@$(TRIVY)
	@SYSIMAGE_TRIVY=$(GO_BIN)/trivy $(BIN)/python -m pytest tests/trivy

.PHONY: guixtest
guixtest: .venv/.dev ## let Guix judge the store of an image that has it, and build systems there; fetches sid's, needs root
	@.ci/need $(IMAGE_NEEDS) unshare=util-linux docker-registry=docker-registry
	@SYSIMAGE_GUIX_TESTS=1 $(BIN)/python -m pytest tests/guix

.PHONY: test-arm
test-arm: .venv/.dev ## boot a system for arm64 on an emulated machine, kernel and all, and build an amd64 image there
	@.ci/need $(IMAGE_NEEDS) mke2fs=e2fsprogs debugfs=e2fsprogs qemu-img=qemu-utils qemu-system-aarch64=qemu-system-arm
	@SYSIMAGE_ARM64_TESTS=1 $(BIN)/python -m pytest --durations=0 --durations-min=1 tests/arm64

.PHONY: test-digests
test-digests: .venv/.dev ## build the examples in Debian 12 and 13 and under other versions of everything; needs root
	@.ci/need $(IMAGE_NEEDS) unshare=util-linux mmdebstrap=mmdebstrap
	@SYSIMAGE_DIGEST_TESTS=1 $(BIN)/python -m pytest --durations=0 --durations-min=1 tests/digests

.PHONY: first-hour
first-hour: .venv/.dev ## follow the tutorial on a minimal Debian made for it, with a cold cache; some minutes, needs root
	@.ci/need $(IMAGE_NEEDS) unshare=util-linux mmdebstrap=mmdebstrap
	@SYSIMAGE_FIRST_HOUR=1 $(BIN)/python -m pytest -s tests/first_hour

.PHONY: bench
bench: .venv/.dev ## measure how fast images are written, compared with what peers do; some minutes and gigabytes
	@.ci/need $(IMAGE_NEEDS) $(BENCH_NEEDS)
	@nice $(BIN)/python -m tests.bench.speed

.PHONY: bench-push
bench-push: .venv/.dev ## measure what a push costs, compared with skopeo: seconds, requests, bytes
	@.ci/need $(IMAGE_NEEDS) skopeo=skopeo docker-registry=docker-registry
	@$(BIN)/python -m tests.bench.pushes

.PHONY: bench-against
bench-against: .venv/.dev ## measure this version against OLD, a checkout of an older one with a .venv, by turns
	@test -n "$(OLD)" || { echo "say which: make bench-against OLD=DIRECTORY" >&2; exit 2; }
	@.ci/need $(IMAGE_NEEDS)
	@nice $(BIN)/python -m tests.bench.speed.against $(OLD) $(CASES)

.PHONY: bench-layers
bench-layers: .venv/.dev ## measure what layer boundaries cost on replayed updates, compared with the rules of other tools
	@nice $(BIN)/python -m tests.bench.layering

.PHONY: bench-updates
bench-updates: .venv/.dev ## measure which bytes move when a package of an image, or a file in it, changes
	@.ci/need $(IMAGE_NEEDS) dpkg-deb=dpkg
	@nice $(BIN)/python -m tests.bench.updates

.PHONY: mutants
mutants: .venv/.dev ## change the code in small ways and print which changes no test notices; ROOMS="sysimage/layers" SEED=1
	@nice $(BIN)/python -m tests.mutants --seed $(SEED) $(ROOMS)

.PHONY: check
check: .venv/.dev ## check format, lint, types, rooms and words
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q $(HOUSE_RULES)

.PHONY: format
format: .venv/.dev ## format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

.PHONY: schema
schema: .venv/.runtime ## write docs/system.schema.json and docs/schemas again after a model has changed
	@$(BIN)/sysimage schema > docs/system.schema.json
	@rm -rf docs/schemas && mkdir docs/schemas
	@for kind in $$($(BIN)/python -c 'from sysimage.documents import schema; print(*schema.schema_names())'); do \
		$(BIN)/sysimage schema $$kind > docs/schemas/$$kind.schema.json || exit; \
	done

.PHONY: docs
docs: .venv/.dev ## make the documentation into a site, build/docs, and the reference from the program; a warning is an error
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html -c docs . build/docs
	@echo "build/docs/docs/index.html"

.PHONY: wheel
wheel: .venv/.dev ## build the wheel and the source archive into dist/
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --outdir dist .

.PHONY: golden
golden: .venv/.dev ## write the golden files of this version again, after a change of a format that is meant
	@$(BIN)/python -m tests.golden.generate

.PHONY: clean
clean: ## remove what was built; the cache of packages and layers stays
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .venv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is missing; install it: apt-get install python3" >&2; exit 1; }
	@PYTHON=$(PYTHON) .ci/need $(VENV_NEEDS)
	@$(PYTHON) -m venv .venv

.venv/.runtime: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable .
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/.runtime
