//! Builds the page with npm when its sources changed, and says where the files are that the crate embeds.
//!
//! `STEADFAST_UI=skip` embeds a placeholder, `STEADFAST_UI=require` fails without a real page, and
//! `STEADFAST_UI_DIST=DIR` takes files that somebody else built. Without npm the program still builds: the
//! placeholder says how to get the page. The stamp lies beside `dist`, because everything in `dist` is embedded.

use std::{
    collections::hash_map::DefaultHasher,
    env, fmt, fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

/// What went wrong. Cargo prints it with `Debug`, so that is written for people.
struct Failed(String);

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: fmt::Display> From<T> for Failed {
    fn from(error: T) -> Self {
        Self(error.to_string())
    }
}

fn main() -> Result<(), Failed> {
    for name in ["STEADFAST_UI", "STEADFAST_UI_DIST", "DOCS_RS"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let web = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("web");
    let files = match (env::var("STEADFAST_UI_DIST"), env::var("STEADFAST_UI").unwrap_or_default().as_str()) {
        (Ok(built), _) => PathBuf::from(built),
        (_, "skip") => placeholder()?,
        _ if env::var_os("DOCS_RS").is_some() => placeholder()?,
        (_, "require") => build(&web)?,
        _ => match get_ready(&web) {
            Ok(()) => build(&web)?,
            Err(why) => {
                println!("cargo::rerun-if-env-changed=PATH"); // npm may be there the next time
                println!(
                    "cargo::warning=the program gets a placeholder instead of its page: {}",
                    why.0.replace('\n', " ")
                );
                placeholder()?
            }
        },
    };
    if !files.join("index.html").is_file() {
        return Err(format!("there is no index.html in {}", files.display()).into());
    }
    println!("cargo::rustc-env=STEADFAST_UI_FILES={}", files.display());
    Ok(())
}

/// The page's files, built anew only when an input changed.
fn build(web: &Path) -> Result<PathBuf, Failed> {
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", web.join(input).display());
    }
    let stamp = stamp(web)?;
    println!("cargo::rustc-env=STEADFAST_UI_STAMP={stamp}");
    if !is_built(web, &stamp) {
        get_ready(web)?;
        run(npm("run", web).args(["--silent", "build"]))?;
        fs::write(web.join("dist.stamp"), &stamp)?;
    }
    Ok(web.join("dist"))
}

fn is_built(web: &Path, stamp: &str) -> bool {
    web.join("dist/index.html").is_file() && fs::read_to_string(web.join("dist.stamp")).is_ok_and(|kept| kept == stamp)
}

/// What a build needs: npm, and the build packages unless those that are installed are as new as the lock file.
/// Nothing when nothing has to be built.
fn get_ready(web: &Path) -> Result<(), Failed> {
    if is_built(web, &stamp(web)?) {
        return Ok(());
    }
    run(&mut npm("--version", web))?;
    let changed = |path: &str| fs::metadata(web.join(path)).and_then(|meta| meta.modified());
    let fresh = match (changed("node_modules/.package-lock.json"), changed("package-lock.json")) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    };
    if fresh { Ok(()) } else { run(npm("ci", web).args(["--omit=dev", "--no-audit", "--no-fund"])) }
}

fn npm(command: &str, web: &Path) -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.arg(command).current_dir(web).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    npm
}

/// Runs a command; what it printed becomes the error when it fails.
fn run(command: &mut Command) -> Result<(), Failed> {
    let output =
        command.output().map_err(|error| format!("npm could not be started ({error}); install Node 20.19 or newer"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("the page could not be built ({command:?}):\n{}", String::from_utf8_lossy(&said)).into())
}

/// A number for everything that goes into the build; content, not times, so that a fresh checkout builds once.
fn stamp(web: &Path) -> Result<String, Failed> {
    let mut hasher = DefaultHasher::new();
    for input in INPUTS {
        hash(&web.join(input), &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash(path: &Path, hasher: &mut DefaultHasher) -> Result<(), Failed> {
    path.file_name().hash(hasher);
    if path.is_dir() {
        let mut entries =
            fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
        entries.sort();
        entries.iter().try_for_each(|entry| hash(entry, hasher))
    } else {
        fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?.hash(hasher);
        Ok(())
    }
}

fn placeholder() -> Result<PathBuf, Failed> {
    let folder = PathBuf::from(env::var("OUT_DIR")?).join("placeholder");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("index.html"), PLACEHOLDER)?;
    Ok(folder)
}

const INPUTS: &[&str] = &[
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "svelte.config.js",
    "tsconfig.json",
];

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>steadfast</title>
<h1>Steadfast is running, without its page</h1>
<p>This program was built where npm was missing. Install Node 20.19 or newer and build it again with
<code>cargo xtask run</code>. The address <code>/v1</code> answers OpenAI clients all the same.</p></html>
";
