//! `gongdan serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::{Global, Outcome, Output};
use crate::config::{Config, LISTEN_DEFAULT};
use crate::tls::TlsFiles;

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// 监听地址 · Address and port to listen on
    #[arg(long, env = "GONGDAN_LISTEN", default_value = LISTEN_DEFAULT)]
    listen: SocketAddr,
    /// 监控指标的监听地址，另设，不对外 · Address and port to serve metrics on, kept from clients
    #[arg(long, env = "GONGDAN_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
    /// TLS 证书文件（PEM，含上级证书） · Certificate to speak TLS with (PEM, with those of its issuers)
    #[arg(long, env = "GONGDAN_TLS_CERTIFICATE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// TLS 私钥文件（PEM） · Key of the certificate (PEM)
    #[arg(long, env = "GONGDAN_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// 时间戳机构（RFC 3161）的地址，用于签署的确认单 · Address of a time-stamp authority (RFC 3161) for signed sheets
    #[arg(long, env = "GONGDAN_TIME_STAMP_URL")]
    time_stamp_url: Option<String>,
}

impl Serve {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        log(global.log_json);
        let config = Config {
            listen: self.listen,
            metrics: self.metrics_listen,
            tls: self
                .tls_certificate
                .clone()
                .zip(self.tls_key.clone())
                .map(|(certificate, key)| TlsFiles { certificate, key }),
            time_stamp_url: self.time_stamp_url.clone(),
            ..global.config()
        };
        let runtime = tokio::runtime::Runtime::new()?;
        let listening = |running: &crate::Running| {
            // Whoever started the server reads its address here; nobody has to.
            let _ = writeln!(out, "工单服务器 · Gongdan server: {}", running.url());
            let _ = out.flush();
        };
        Ok(runtime.block_on(crate::serve(config, listening))?)
    }
}

/// The log goes to standard error; `RUST_LOG` filters it.
fn log(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A logger that somebody has set before stays.
    let _ = if json {
        subscriber.json().try_init()
    } else {
        subscriber.try_init()
    };
}
