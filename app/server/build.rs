//! Tells the program to look for the engine's libraries beside itself, where the engine's build puts them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let with_engine = std::env::var_os("CARGO_FEATURE_LLAMA").is_some();
    if with_engine && std::env::var("CARGO_CFG_UNIX").is_ok() {
        // Test programs lie one folder deeper.
        println!("cargo:rustc-link-arg=-Wl,-rpath,{ORIGIN},-rpath,{ORIGIN}/..");
    }
}

const ORIGIN: &str = "$ORIGIN";
