# failoverdns: what can be made. `make help` lists it.

GO         ?= go
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME   ?= 10s

.PHONY: help build demo test race lint e2e chaos bench fuzz man image compose-up compose-down clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: ## the static binaries, into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/... ./demo

demo: build ## three nodes, two sites, a dead primary: live and measured, in about a minute
	@bin/demo -bin bin

test: ## all tests that need no root
	$(GO) test ./...

race: ## the same under the race detector
	CGO_ENABLED=1 $(GO) test -race ./...

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

e2e: build ## scenarios with real processes: kills, restarts, cuts
	E2E=1 $(GO) test -count=1 -v -timeout 15m ./e2e/...

SCHEDULES ?= 300
SEED      ?= 1

chaos: ## SCHEDULES (300) random schedules of faults in virtual time, from SEED (1) on; about two a second
	$(GO) test ./node -count=1 -run '^TestRandomSchedules$$' -v -timeout 0 -schedules $(SCHEDULES) -seed $(SEED)

bench: ## micro-benchmarks with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./...

man: ## the manual pages of failoverctl, into docs/man
	$(GO) test -count=1 -run TestManPagesAreCurrent ./cmd/failoverctl -update

fuzz: ## every fuzz target for FUZZTIME (10s)
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; \
	done

image: build ## the container images failoverdns and failoverdns-site (a toy), from scratch
	docker build -q -t failoverdns-site:latest --target site .
	docker build -q -t failoverdns:latest --target server .

COMPOSE = docker-compose -f deploy/compose/docker-compose.yml -p failoverdns
CERTS   = deploy/compose/run

compose-up: image ## three nodes and two toy sites in containers (needs docker and docker-compose)
	@test -e $(CERTS)/ca.pem || { mkdir -p $(CERTS) && bin/failoverctl cert init --ca $(CERTS) && \
	  for n in ns1 ns2 ns3; do bin/failoverctl cert issue --ca $(CERTS) --out $(CERTS) $$n || exit 1; done; }
	@chmod a+r $(CERTS)/ns*.pem # the containers are not root; these keys are for a toy
	$(COMPOSE) up -d
	@echo "try: dig @127.0.0.1 -p 5301 login.auth.example.com; docker exec failoverdns_ns1_1 /failoverctl status"

compose-down: ## stop them, and remove their data
	$(COMPOSE) down -v

clean: ## remove what was built
	rm -rf bin
