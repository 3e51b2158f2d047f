# The function's architecture: arm64 (the default on Lambda) or amd64.
ARCH ?= arm64
# The event source of `make run-lambda`.
SOURCE ?= http-api
# A file with an event that `make run-lambda` handles instead of serving HTTP.
EVENT ?=
# Additional flags of `make run` and `make run-lambda`, such as ARGS="-transport unix".
ARGS ?=
# The transports of `make conformance-rpc`, separated by commas.
TRANSPORTS ?= inproc,bufconn,unix
# The commit with which `make bench-compare` compares this tree.
BASE ?= HEAD

# Tools are Go modules in the versions that tools/ pins.
LINT_TOOL := go tool -modfile=tools/lint/go.mod

# grpcnotrace omits golang.org/x/net/trace, which is off by default and imports
# html/template.
LAMBDA_BUILD := go build -tags grpcnotrace -trimpath -buildvcs=false -ldflags "-s -w"

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Serve HTTP on localhost:8080, gRPC on :8081, metrics on :9090, a page on :8082
	@mkdir -p dist
	@go build -o dist/local ./local
	@exec dist/local $(ARGS)

.PHONY: run-lambda
run-lambda: ## Serve HTTP through the function binary in the emulator; SOURCE=http-api or EVENT=file.json
	@mkdir -p dist/host
	@CGO_ENABLED=0 $(LAMBDA_BUILD) -o dist/host/bootstrap ./lambda
	@go build -o dist/local ./local
	@exec dist/local -lambda dist/host/bootstrap $(if $(EVENT),-event $(EVENT),-source $(SOURCE)) $(ARGS)

.PHONY: test
# Some tests mostly wait, so more of them run at a time than a small machine has
# processors. The two packages that take longest start first.
test: ## Run all tests, including the function binary in the emulator
	go test -p 3 -parallel 8 ./transport ./lambda/conformance ./...

.PHONY: bench
bench: ## Run all benchmarks, 10 minutes; write bench/RESULTS.md, its charts and the figures in the pages
	bench/run.sh

.PHONY: bench-short
bench-short: ## Run all benchmarks briefly, 2 minutes; write to dist/bench
	bench/run.sh -short

.PHONY: bench-compare
bench-compare: ## Fail if an invocation takes more CPU time than in another commit; BASE=HEAD
	bench/compare.sh $(BASE)

.PHONY: conformance-rpc
conformance-rpc: ## Run the official conformance suite of Connect and gRPC-Web; TRANSPORTS=inproc ARGS="-targets direct"
	go run -C service/rpc/conformance . -transports $(TRANSPORTS) $(ARGS)

.PHONY: test-browser
test-browser: ## Run the official JavaScript clients in node and, if installed, Chromium; needs npm
	@mkdir -p dist/browser
	go build -o dist/browser/function ./lambda/client/browser/testdata/function
	go run -C tools ./generate -descriptor-set ../dist/browser/proto.binpb
	npm ci --prefix lambda/client/browser --ignore-scripts --no-audit --no-fund
	FUNCTION=$(CURDIR)/dist/browser/function SCHEMA=$(CURDIR)/dist/browser/proto.binpb npm test --prefix lambda/client/browser

.PHONY: test-page
test-page: ## Test the local server's page in Chromium; needs npm, skips without Chromium
	@mkdir -p dist/browser
	go build -o dist/browser/local ./local
	go build -o dist/browser/bootstrap ./lambda
	npm ci --prefix local/server/internal/page/browser --ignore-scripts --no-audit --no-fund
	LOCAL=$(CURDIR)/dist/browser/local FUNCTION=$(CURDIR)/dist/browser/bootstrap npm test --prefix local/server/internal/page/browser

.PHONY: build
build: ## Build the function and the local server into dist/
	@mkdir -p dist/$(ARCH)
	CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(LAMBDA_BUILD) -o dist/$(ARCH)/bootstrap ./lambda
	go build -o dist/local ./local

.PHONY: build-lambda-zip
build-lambda-zip: ## Build the deployment package dist/lambda-ARCH.zip; ARCH=arm64 or amd64
	@case "$(ARCH)" in arm64 | amd64) ;; *) echo 'ARCH=$(ARCH): want arm64 or amd64' >&2; exit 2 ;; esac
	@mkdir -p dist/$(ARCH)
	@CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(LAMBDA_BUILD) -o dist/$(ARCH)/bootstrap ./lambda
	@go run github.com/aws/aws-lambda-go/cmd/build-lambda-zip -o dist/lambda-$(ARCH).zip dist/$(ARCH)/bootstrap 2>/dev/null
	@wc -c <dist/lambda-$(ARCH).zip | awk '{printf "dist/lambda-$(ARCH).zip  %d bytes (%.2f MB)\n", $$1, $$1 / 1e6}'
	@{ sha256sum dist/lambda-$(ARCH).zip 2>/dev/null || shasum -a 256 dist/lambda-$(ARCH).zip; } | awk '{print "SHA-256 " $$1}'

.PHONY: generate
generate: ## Generate gen/ from proto/
	go run -C tools ./generate

.PHONY: api
api: ## Write the exported API of all packages to docs/api.txt
	go run -C tools ./api

.PHONY: new-project
new-project: ## Copy template/ to a new project; MODULE=example.com/shop DIR=../shop
	@go run -C tools ./newproject -module '$(MODULE)' -dir '$(DIR)'

.PHONY: lint-proto
lint-proto: ## Check the style of proto/ with buf
	@mkdir -p dist
	go run -C tools ./generate -descriptor-set ../dist/proto.binpb
	go tool -modfile=tools/buf/go.mod buf lint dist/proto.binpb --config proto/buf.yaml

.PHONY: lint
lint: ## Check the code with go vet and golangci-lint
	go vet ./...
	$(LINT_TOOL) golangci-lint run ./...

.PHONY: ci
ci: ## Run what CI runs
	.ci/run
