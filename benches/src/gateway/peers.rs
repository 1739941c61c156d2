//! Who stands between client and upstream: nobody, the house, and whichever of the others the machine has.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use steadfast::Clock;
use steadfast_house_tests::{House, Setup};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{cores::Cores, load::KEY};

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// What its models' names begin with.
    pub(super) prefix: &'static str,
    pub(super) pid: u32,
    _held: Held,
}

/// What keeps it running.
#[derive(Debug)]
enum Held {
    Nothing,
    House { _house: Box<House> },
    Child { _child: Box<Child>, _dir: TempDir },
}

/// Starts one after the other, so that each has the machine to itself.
#[derive(Debug)]
pub(super) struct Peers {
    upstream: SocketAddr,
    cores: Cores,
    /// Where the Python programs are; none of them without it.
    python: Option<PathBuf>,
}

impl Peers {
    pub(super) const NAMES: [&'static str; 4] = [Self::HOUSE, "nginx", "vllm-router", Self::SLOW];
    pub(super) const HOUSE: &'static str = "steadfast";
    pub(super) const SLOW: &'static str = "LiteLLM";

    /// `STEADFAST_BENCH_PYTHON` names a virtual environment with LiteLLM and vllm-router.
    pub(super) fn before(upstream: SocketAddr, cores: Cores) -> Self {
        Self { upstream, cores, python: env::var_os("STEADFAST_BENCH_PYTHON").map(PathBuf::from) }
    }

    /// The upstream itself, which lives in this process.
    pub(super) fn nobody(&self) -> Peer {
        let pid = std::process::id();
        Peer { name: "nobody", address: self.upstream, prefix: "", pid, _held: Held::Nothing }
    }

    /// An error says why it cannot be had.
    pub(super) async fn start(&self, name: &str) -> anyhow::Result<Peer> {
        match name {
            Self::HOUSE => self.house().await,
            "nginx" => self.nginx().await,
            "vllm-router" => self.router().await,
            _ => self.litellm().await,
        }
    }

    async fn house(&self) -> anyhow::Result<Peer> {
        let settings = format!(
            "[connections]\ntotal = {CONNECTIONS}\nper_local_address = {CONNECTIONS}\n\n[[upstreams]]\nname = \"cloud\"\nurl = \"http://{}/v1\"\nkey = \"sk-none\"\nmodels = [{{ id = \"mock\" }}, {{ id = \"paced\" }}, {{ id = \"idle\" }}]\n",
            self.upstream
        );
        let house = self.cores.elsewhere(House::start(Setup { settings, ..Setup::default() })).await;
        let (address, pid) = (house.address, house.program().pid());
        Ok(Peer { name: Self::HOUSE, address, prefix: "cloud/", pid, _held: Held::House { _house: Box::new(house) } })
    }

    async fn nginx(&self) -> anyhow::Result<Peer> {
        let (dir, address) = (tempfile::tempdir()?, free()?);
        let config = dir.path().join("nginx.conf");
        std::fs::write(&config, nginx_config(dir.path(), address, self.upstream))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(dir.path()).arg("-e").arg(dir.path().join("error.log")).arg("-c").arg(config);
        self.child("nginx", command, dir, address).await
    }

    async fn router(&self) -> anyhow::Result<Peer> {
        let (dir, address) = (tempfile::tempdir()?, free()?);
        let mut command = Command::new(self.python("vllm-router")?);
        command.args(["--worker-urls", &format!("http://{}", self.upstream), "--policy", "round_robin"]);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        // Its own limit is 256 at a time.
        command.args(["--max-concurrent-requests", &CONNECTIONS.to_string()]);
        self.child("vllm-router", command, dir, address).await
    }

    async fn litellm(&self) -> anyhow::Result<Peer> {
        let (dir, address) = (tempfile::tempdir()?, free()?);
        let config = dir.path().join("litellm.yaml");
        let models: String = ["mock", "paced", "idle"]
            .map(|model| {
                let params =
                    format!("{{model: openai/{model}, api_base: \"http://{}/v1\", api_key: sk-none}}", self.upstream);
                format!("- {{model_name: {model}, litellm_params: {params}}}\n")
            })
            .concat();
        std::fs::write(&config, format!("model_list:\n{models}"))?;
        let mut command = Command::new(self.python("litellm")?);
        command.arg("--config").arg(config).args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        // It would fetch a price list when it starts.
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
        command.env("LITELLM_MASTER_KEY", KEY);
        self.child(Self::SLOW, command, dir, address).await
    }

    async fn child(
        &self,
        name: &'static str,
        mut command: Command,
        dir: TempDir,
        address: SocketAddr,
    ) -> anyhow::Result<Peer> {
        let log = std::fs::File::create(dir.path().join("out.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let started = self.cores.elsewhere(async { command.spawn() }).await;
        let mut child = started.with_context(|| format!("{name} cannot be started"))?;
        let (clock, pid) = (Clock::real(), child.id().context("it ended at once")?);
        let begun = clock.now();
        while TcpStream::connect(address).await.is_err() {
            if child.try_wait()?.is_some() || clock.now() - begun > START {
                let log = std::fs::read_to_string(dir.path().join("out.log")).unwrap_or_default();
                let last = log.lines().rfind(|line| !line.trim().is_empty());
                anyhow::bail!("{name} does not listen: {}", last.unwrap_or_default());
            }
            clock.sleep(Duration::from_millis(100)).await;
        }
        Ok(Peer { name, address, prefix: "", pid, _held: Held::Child { _child: Box::new(child), _dir: dir } })
    }

    fn python(&self, program: &str) -> anyhow::Result<PathBuf> {
        let place = self.python.as_ref().context("STEADFAST_BENCH_PYTHON is not set")?;
        let program = place.join("bin").join(program);
        anyhow::ensure!(program.is_file(), "{} is missing", program.display());
        Ok(program)
    }
}

/// A port that nobody has a moment from now, in all likelihood.
fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn nginx_config(dir: &Path, address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "daemon off; worker_processes 1; worker_rlimit_nofile 65536; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 32768; }}
http {{
  access_log off; keepalive_requests 1000000; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream mock {{ server {upstream}; keepalive 256; }}
  server {{
    listen {address};
    location / {{
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
",
        dir = dir.display()
    )
}

/// Room for all resting streams and those before them.
const CONNECTIONS: usize = 20_000;
/// LiteLLM needs half a minute on a busy machine.
const START: Duration = Duration::from_secs(180);
