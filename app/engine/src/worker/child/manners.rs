//! How the worker behaves towards the rest of the machine: it gives way, leaves no core files, goes first when
//! memory runs out, and never outlives the server. Each is best effort; what was refused is said on stderr.

use rustix::process::{Resource, Rlimit, nice, setrlimit};

pub(super) fn settle() {
    let refused: Vec<String> =
        [give_way(), leave_no_core(), go_first(), follow_the_server()].into_iter().filter_map(Result::err).collect();
    for what in refused {
        super::say(&format!("engine worker: could not {what}\n"));
    }
}

fn give_way() -> Result<(), String> {
    nice(NICENESS).map(drop).map_err(|error| format!("lower its priority: {error}"))
}

/// A core file would hold conversations.
fn leave_no_core() -> Result<(), String> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(|error| format!("switch core files off: {error}"))
}

#[cfg(target_os = "linux")]
fn go_first() -> Result<(), String> {
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE)
        .map_err(|error| format!("offer itself when memory runs out: {error}"))
}

/// The server's waiting thread started us and lives as long as we do, so the signal cannot come early.
#[cfg(target_os = "linux")]
fn follow_the_server() -> Result<(), String> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| format!("tie itself to the server: {error}"))
}

#[cfg(not(target_os = "linux"))]
fn go_first() -> Result<(), String> {
    Ok(())
}

/// Elsewhere the closed socket tells.
#[cfg(not(target_os = "linux"))]
fn follow_the_server() -> Result<(), String> {
    Ok(())
}

const NICENESS: i32 = 10;
#[cfg(target_os = "linux")]
const OOM_SCORE: &str = "500";
