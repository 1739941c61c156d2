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

use super::mock::Mock;

#[derive(Debug)]
pub struct Peer {
    pub name: &'static str,
    pub address: SocketAddr,
    /// What its models' names begin with.
    pub prefix: &'static str,
    /// `None` for the upstream itself, which lives in this process.
    pub pid: Option<u32>,
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
pub struct Peers<'a> {
    mock: &'a Mock,
    /// Where the Python programs are; none of them without it.
    python: Option<PathBuf>,
}

impl<'a> Peers<'a> {
    pub const NAMES: [&'static str; 5] = ["direct", "steadfast", "nginx", "vllm-router", "LiteLLM"];

    /// `STEADFAST_BENCH_PYTHON` names a virtual environment with LiteLLM and vllm-router.
    pub fn beside(mock: &'a Mock) -> Self {
        Self { mock, python: env::var_os("STEADFAST_BENCH_PYTHON").map(PathBuf::from) }
    }

    /// An error says why it cannot be had.
    pub async fn start(&self, name: &str) -> anyhow::Result<Peer> {
        match name {
            "direct" => {
                Ok(Peer { name: "direct", address: self.mock.address, prefix: "", pid: None, _held: Held::Nothing })
            }
            "steadfast" => self.house().await,
            "nginx" => self.nginx().await,
            "vllm-router" => self.router().await,
            _ => self.litellm().await,
        }
    }

    async fn house(&self) -> anyhow::Result<Peer> {
        let settings = format!(
            "[[upstreams]]\nname = \"cloud\"\nurl = \"http://{}/v1\"\nkey = \"sk-none\"\nmodels = [{{ id = \"mock\" }}, {{ id = \"paced\" }}, {{ id = \"idle\" }}]\n",
            self.mock.address
        );
        let house = House::start(Setup { settings, ..Setup::default() }).await;
        let (address, pid) = (house.address, Some(house.program().pid()));
        Ok(Peer { name: "steadfast", address, prefix: "cloud/", pid, _held: Held::House { _house: Box::new(house) } })
    }

    async fn nginx(&self) -> anyhow::Result<Peer> {
        let (dir, address) = (tempfile::tempdir()?, free()?);
        let config = dir.path().join("nginx.conf");
        std::fs::write(&config, nginx_config(dir.path(), address, self.mock.address))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(dir.path()).arg("-e").arg(dir.path().join("error.log")).arg("-c").arg(config);
        child("nginx", command, dir, address).await
    }

    async fn router(&self) -> anyhow::Result<Peer> {
        let (dir, address) = (tempfile::tempdir()?, free()?);
        let mut command = Command::new(self.python("vllm-router")?);
        command.args(["--worker-urls", &format!("http://{}", self.mock.address), "--policy", "round_robin"]);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        child("vllm-router", command, dir, address).await
    }

    async fn litellm(&self) -> anyhow::Result<Peer> {
        let (dir, address) = (tempfile::tempdir()?, free()?);
        let config = dir.path().join("litellm.yaml");
        let models: String = ["mock", "paced", "idle"]
            .map(|model| {
                let params = format!(
                    "{{model: openai/{model}, api_base: \"http://{}/v1\", api_key: sk-none}}",
                    self.mock.address
                );
                format!("- {{model_name: {model}, litellm_params: {params}}}\n")
            })
            .concat();
        std::fs::write(&config, format!("model_list:\n{models}"))?;
        let mut command = Command::new(self.python("litellm")?);
        command.arg("--config").arg(config).args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        // It would fetch a price list when it starts.
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
        child("LiteLLM", command, dir, address).await
    }

    fn python(&self, program: &str) -> anyhow::Result<PathBuf> {
        let place = self.python.as_ref().context("STEADFAST_BENCH_PYTHON is not set")?;
        let program = place.join("bin").join(program);
        anyhow::ensure!(program.is_file(), "{} is missing", program.display());
        Ok(program)
    }
}

async fn child(name: &'static str, mut command: Command, dir: TempDir, address: SocketAddr) -> anyhow::Result<Peer> {
    let log = std::fs::File::create(dir.path().join("out.log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
    let (clock, pid) = (Clock::real(), child.id());
    let begun = clock.now();
    while TcpStream::connect(address).await.is_err() {
        if child.try_wait()?.is_some() || clock.now() - begun > Duration::from_secs(60) {
            let log = std::fs::read_to_string(dir.path().join("out.log")).unwrap_or_default();
            anyhow::bail!("{name} does not listen: {}", log.lines().last().unwrap_or_default());
        }
        clock.sleep(Duration::from_millis(100)).await;
    }
    Ok(Peer { name, address, prefix: "", pid, _held: Held::Child { _child: Box::new(child), _dir: dir } })
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
