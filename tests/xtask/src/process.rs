//! Running other programs: each call shows its command line first and hands the program the
//! terminal, so that its own output arrives unfiltered. The command line goes to standard
//! error: a benchmark's standard output is read by programs.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tree::Tree;

/// One program with its arguments, directory and environment.
pub(crate) struct Run<'a> {
    tree: &'a Tree,
    command: Command,
    environment: Vec<(String, OsString)>,
    directory: String,
}

impl<'a> Run<'a> {
    pub(crate) fn new(tree: &'a Tree, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(tree.root());
        Self {
            tree,
            command,
            environment: Vec::new(),
            directory: String::new(),
        }
    }

    /// The cargo that started this program, so that the toolchain is the same one.
    pub(crate) fn cargo(tree: &'a Tree) -> Self {
        Self::new(
            tree,
            std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        )
    }

    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// An option whose value is a path, which need not be text.
    pub(crate) fn arg_path(mut self, option: &str, path: &Path) -> Self {
        self.command.arg(option).arg(path);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        self.command.env(name, &value);
        self.environment.push((name.to_owned(), value));
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs in `directory`, a path from the root of the tree.
    pub(crate) fn within(mut self, directory: &str) -> Self {
        self.command.current_dir(self.tree.at(directory));
        self.directory = directory.to_owned();
        self
    }

    /// Runs to the end with the terminal inherited; any exit code but zero is an error.
    pub(crate) fn run(mut self) -> Result<()> {
        eprintln!("$ {}", self.line());
        let status = self
            .command
            .status()
            .with_context(|| format!("start {}", self.program()))?;
        if !status.success() {
            bail!("{} ended with {status}", self.line());
        }
        Ok(())
    }

    /// Like `run`, for a program whose exit code is the answer.
    pub(crate) fn exit_code(mut self) -> Result<u8> {
        eprintln!("$ {}", self.line());
        let status = self
            .command
            .status()
            .with_context(|| format!("start {}", self.program()))?;
        // A program ended by a signal has no code; that is a failure too.
        Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1))
    }

    /// What the program prints on standard output, if it exists and ends with zero. Shows nothing.
    pub(crate) fn quiet_output(mut self) -> Option<String> {
        let output = self
            .command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        if !output.status.success() {
            return None;
        }
        String::from_utf8(output.stdout).ok()
    }

    /// Whether the program exists and ends with zero. Shows nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Like `run`, but ends the program and fails when it takes longer than `limit`.
    pub(crate) fn run_within(mut self, limit: Duration) -> Result<()> {
        eprintln!("$ {}", self.line());
        let child = self
            .command
            .spawn()
            .with_context(|| format!("start {}", self.program()))?;
        let line = self.line();
        wait_within(child, limit, &line)
    }

    fn program(&self) -> String {
        let program = self.command.get_program();
        // A tool is known by its name; the directory of the toolchain only lengthens the line.
        Path::new(program)
            .file_name()
            .unwrap_or(program)
            .to_string_lossy()
            .into_owned()
    }

    fn line(&self) -> String {
        let mut words = Vec::new();
        if !self.directory.is_empty() {
            words.push(format!("cd {} &&", self.directory));
        }
        for (name, value) in &self.environment {
            words.push(format!("{name}={}", self.tree.shown(Path::new(value))));
        }
        words.push(self.program());
        for argument in self.command.get_args() {
            let argument = self.tree.shown(Path::new(argument));
            let plain = !argument.is_empty() && !argument.contains([' ', '"', '\'', '$', '\n']);
            words.push(if plain {
                argument
            } else {
                format!("{argument:?}")
            });
        }
        words.join(" ")
    }
}

fn wait_within(mut child: Child, limit: Duration, line: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("wait for a program")? {
            return if status.success() {
                Ok(())
            } else {
                bail!("{line} ended with {status}")
            };
        }
        if started.elapsed() > limit {
            child.kill().context("end a program that takes too long")?;
            child.wait().context("wait for the ended program")?;
            bail!("{line} took longer than {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether `name` can be started from here.
pub(crate) fn on_path(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
    })
}
