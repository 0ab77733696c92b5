# failoverdns: what can be made. `make help` lists it.

GO         ?= go
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME   ?= 10000x

.PHONY: help build demo test race lint e2e soak cover chaos mutants bench bench-peers microbench fuzz man image compose-up compose-down clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: ## the static binaries, into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/... ./demo

demo: build ## three nodes, two sites, a dead primary: live and measured, in about a minute
	@bin/demo -bin bin

test: ## all tests that need no root
	$(GO) test ./...

# Two goroutines of one synctest bubble that meet a due timer at once share one context of the race detector, which then
# crashes (Go 1.26.8, runtime.timer.unlockAndRun), so tests in bubbles run on one thread. Accesses without an order
# between them are found there too.
BUBBLES = $$(grep -rl --include='*_test.go' '"testing/synctest"' . | xargs -n1 dirname | sort -u)

race: ## the same under the race detector
	@CGO_ENABLED=1 $(GO) test -race -cpu 1 -timeout 20m $(BUBBLES) & bubbles=$$!; \
	CGO_ENABLED=1 $(GO) test -race -p 1 -timeout 20m $$($(GO) list ./... | grep -vxF "$$($(GO) list $(BUBBLES))"); rest=$$?; \
	wait $$bubbles && exit $$rest

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

e2e: build ## scenarios with real processes: kills, restarts, cuts
	E2E=1 $(GO) test -count=1 -v -timeout 15m ./e2e/...

soak: build ## three nodes through flips, overrides, drills, reloads and hangs under queries for DURATION (10m): nothing may grow
	E2E=1 E2E_SOAK=$(or $(DURATION),10m) $(GO) test -count=1 -v -timeout 0 ./e2e -run '^TestSoak'

GOBCO = github.com/rillig/gobco@v1.3.4

# gobco reads all files of a package at once, whatever system they are for, so it gets a copy without the other systems'.
# It is built in a module of its own: go install would ask for the list of its versions, which not each proxy has.
cover: ## what the tests of the packet code reach: statements, and branches by gobco
	@d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && \
	  $(GO) test -coverprofile "$$d/profile" ./listener ./zone && $(GO) tool cover -func "$$d/profile" | tail -1 && \
	  mkdir "$$d/tool" "$$d/src" && (cd "$$d/tool" && $(GO) mod init cover && $(GO) mod edit -require $(GOBCO) && \
	    $(GO) build -mod=mod -o ../gobco github.com/rillig/gobco) && \
	  git ls-files | grep -v '_other\.go$$' | tar c -T - | tar x -C "$$d/src" && \
	  cd "$$d/src" && "$$d/gobco" -branch ./listener && "$$d/gobco" -branch ./zone

SCHEDULES ?= 2000
SEED      ?= 0
DURATION  ?=
MEMBERS   ?= true
SHORTLOGS ?= true
HAVING    ?=

chaos: ## SCHEDULES (2000) random schedules of faults in virtual time, or as many as fit into DURATION (1h); SEED: of the first
	$(GO) test ./node -count=1 -run '^TestRandomSchedules$$' -v -timeout 0 -seed $(SEED) -members=$(MEMBERS) -short-logs=$(SHORTLOGS) -having '$(HAVING)' $(if $(DURATION),-for $(DURATION),-schedules $(SCHEDULES))

mutants: ## plant bugs, one at a time, and see that a test catches each
	MUTANTS=1 $(GO) test ./mutants -count=1 -run TestEachPlantedBug -v -timeout 15m

BENCH ?= -rounds 3

bench: build ## tables of what queries, flips, zones and probes cost, beside other servers (BENCH='-only answers'; quiet machine)
	$(GO) run ./bench $(BENCH)

bench-peers: ## install from Debian what bench compares with (root)
	apt-get install -y --no-install-recommends dnsperf gdnsd nsd knot pdns-server pdns-backend-bind util-linux

microbench: ## micro-benchmarks with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./...

man: ## the manual pages of failoverctl, into docs/man
	$(GO) test -count=1 -run TestManPagesAreCurrent ./cmd/failoverctl -update

# A number of inputs, for Go 1.26 sometimes takes the end of a time for a failure (golang/go#75804).
fuzz: ## every fuzz target with FUZZTIME (10000x) inputs
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; \
	done

image: build ## the container images failoverdns and failoverdns-site (a toy), from scratch
	docker build -q -t failoverdns-site:latest --target site .
	docker build -q -t failoverdns:latest --target server .

COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) -f deploy/compose/docker-compose.yml -p failoverdns
CERTS   = deploy/compose/run

compose-up: image ## three nodes and two toy sites in containers (needs docker and its compose)
	@test -e $(CERTS)/ca.pem || { mkdir -p $(CERTS) && bin/failoverctl cert init --ca $(CERTS) && \
	  for n in ns1 ns2 ns3; do bin/failoverctl cert issue --ca $(CERTS) --out $(CERTS) $$n || exit 1; done; }
	@chmod a+r $(CERTS)/ns*.pem # the containers are not root; these keys are for a toy
	$(COMPOSE) up -d
	@echo "try: dig @127.0.0.1 -p 5301 login.auth.example.com; $(COMPOSE) exec ns1 /failoverctl status"

compose-down: ## stop them, and remove their data
	$(COMPOSE) down -v

clean: ## remove what was built
	rm -rf bin
