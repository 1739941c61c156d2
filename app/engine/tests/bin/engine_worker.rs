//! The worker process alone, for this crate's tests; the product's own is `steadfast engine-worker`.

fn main() -> std::process::ExitCode {
    steadfast_engine::worker::engine_worker_main()
}
