# `make verify` never writes to the tree; `make fix` does.
.PHONY: demo test verify fix bench

demo: ## import, features, train, publish, serve: http://127.0.0.1:6010
	cargo run --release --locked --bin rankine -- demo

test: ## everything `cargo test` needs is installed or started here
	./setup.sh
	cargo test --workspace --locked

verify: ## cheapest first
	@cargo fmt --version >/dev/null 2>&1 || { echo "verify: rustfmt is missing; rustup component add rustfmt" >&2; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || { echo "verify: clippy is missing; rustup component add clippy" >&2; exit 1; }
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	$(MAKE) test

fix:
	cargo fmt --all
	cargo clippy --workspace --all-targets --fix --allow-dirty

bench: ## every benchmark, quick; see bench/README.md
	bench/run all --quick
