//! The stage: a server on a fresh data folder, the people, the day, the table, and the console left open.
//!
//! Invariant: whatever way this ends, no process is left, and a temporary folder is gone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gongdan_core::clock::Timestamp;

use crate::Options;
use crate::day::{self, Cast, DISPATCHER, Day, FIRST, SECOND, evening, morning};
use crate::dice::Dice;
use crate::handset::Handset;
use crate::office::Office;
use crate::phrases::Phrases;
use crate::server::{self, Operator, Server};
use crate::story::Story;
use crate::table;
use crate::visit::Technician;

const ORGANISATION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../server/sample/organisation.toml"
);
const REQUESTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../server/sample/requests.csv"
);
/// Requests that the sample must bring.
const REQUESTS_MIN: usize = 60;
/// Steps that the progress counts.
const STEPS: usize = 36;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Plays the day.
pub(crate) fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst))
        .context("listen for Ctrl-C")?;
    let program = server::program()?;
    let folder = Folder::make(options.data.as_deref())?;
    let address = server::free_address(options.listen)?;
    let url = format!("http://{address}");
    let operator = Operator::new(program, &folder.path.join("server"), &url);
    let story = Story::new(options.lang, STEPS)?;
    let (mut day, codes, password, mut server) =
        open(story, &operator, &folder.path, &url, address, options.seed)?;

    let outcome = play(&mut day, codes, started);
    day.story.end();
    let differences = match outcome {
        Ok(differences) => differences,
        Err(error) => {
            eprintln!("{}", server.last_words());
            return Err(error);
        }
    };
    for phone in [&mut day.first.phone, &mut day.second.phone] {
        phone.switch_off()?;
    }
    if differences > 0 {
        bail!("{differences} differences between phones and server");
    }
    if !options.exit {
        leave_open(
            &day.story,
            &mut server,
            &url,
            &password,
            !options.no_browser,
        )?;
    }
    Ok(())
}

/// Server, people, requests.
fn open(
    mut story: Story,
    operator: &Operator,
    folder: &Path,
    url: &str,
    address: std::net::SocketAddr,
    seed: u64,
) -> Result<(Day, [String; 2], String, Server)> {
    story.print(&story.text("title", &[]));
    story.chapter("chapter_server");
    operator.run(["init"])?;
    operator.run(["org", "load", ORGANISATION])?;
    story.step();
    let printed = operator.run(["user", "add", DISPATCHER])?;
    let password = server::said(&printed, "password:")?.to_owned();
    let mut codes = [String::new(), String::new()];
    for (code, person) in codes.iter_mut().zip([FIRST, SECOND]) {
        let printed = operator.run(["device", "invite", person])?;
        *code = server::said(&printed, "code:")?.to_owned();
    }
    story.step();
    let start = story.next_morning(now());
    operator.run(["import", REQUESTS])?;
    story.step();
    let server = operator.serve(address)?;
    story.tell("serving", &[("url", &url)]);
    let office = Office::sign_in(url, DISPATCHER, &password)?;
    let requests = office.tickets()?.len();
    ensure!(
        requests >= REQUESTS_MIN,
        "only {requests} requests were imported"
    );
    story.tell("imported", &[("n", &requests)]);
    story.tell("clock", &[]);
    story.step();

    let technician = |id: &str, name: &str, n: u64| -> Result<Technician> {
        let store = folder.join(format!("phone-{id}.db"));
        Ok(Technician {
            phone: Handset::new(day::person(id)?, name, store, url),
            clock: start,
            dice: Dice::new(seed.wrapping_add(n)),
            tickets: Vec::new(),
        })
    };
    let day = Day {
        story,
        office,
        first: technician(FIRST, "陆河川", 1)?,
        second: technician(SECOND, "韩青野", 2)?,
        phrases: Phrases::load()?,
        catalogue: None,
        start,
        cast: Cast::default(),
    };
    Ok((day, codes, password, server))
}

/// Chapter by chapter; gives how many differences there were.
fn play(day: &mut Day, codes: [String; 2], started: Instant) -> Result<usize> {
    use day::{apart, check, desk};
    let mut codes = Some(codes);
    let mut met = None;
    type Scene<'a> = (&'static str, Box<dyn FnMut(&mut Day) -> Result<()> + 'a>);
    let scenes: Vec<Scene<'_>> = vec![
        ("chapter_dispatch", Box::new(morning::assign)),
        (
            "chapter_phones",
            Box::new(|day| morning::take(day, codes.take().context("the codes serve once")?)),
        ),
        ("", Box::new(morning::answer)),
        ("chapter_apart", Box::new(apart::lose_the_network)),
        ("", Box::new(apart::morning)),
        ("chapter_desk", Box::new(desk::edit)),
        ("chapter_noon", Box::new(apart::noon)),
        ("", Box::new(apart::afternoon)),
        ("chapter_back", Box::new(evening::come_back)),
        (
            "chapter_settle",
            Box::new(|day| {
                met = Some(evening::settle(day)?);
                Ok(())
            }),
        ),
        ("", Box::new(evening::sign)),
        ("", Box::new(evening::close)),
    ];
    for (chapter, mut scene) in scenes {
        if !chapter.is_empty() {
            day.story.chapter(chapter);
        }
        scene(day)?;
        if INTERRUPTED.load(Ordering::SeqCst) {
            bail!("interrupted");
        }
    }
    let met = met.context("the scene of settling was played")?;
    let checked = check::everything(day)?;
    day.story.step();
    let (announced, taken) = day.story.steps();
    debug_assert_eq!(announced, taken, "the progress must end at its end");
    day.story.chapter("chapter_table");
    for line in table::lines(day, &met, &checked, started.elapsed()) {
        day.story.print(&line);
    }
    for difference in &checked.differences {
        day.story.print(&format!("  ! {difference}"));
    }
    let verdict = if checked.differences.is_empty() {
        "converged"
    } else {
        "differs"
    };
    day.story
        .print(&format!("\n  {}", day.story.text(verdict, &[])));
    Ok(checked.differences.len())
}

/// The console stays; whoever looks ends it.
fn leave_open(
    story: &Story,
    server: &mut Server,
    url: &str,
    password: &str,
    browser: bool,
) -> Result<()> {
    story.print("");
    for line in [
        story.text("console", &[("url", &url)]),
        story.text("account", &[("user", &DISPATCHER), ("password", &password)]),
        story.text("until", &[]),
    ] {
        story.print(&format!("  {line}"));
    }
    if browser {
        open_browser(url);
    }
    while !INTERRUPTED.load(Ordering::SeqCst) {
        if server.has_ended() {
            bail!("gongdan serve ended\n{}", server.last_words());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    story.print("");
    Ok(())
}

/// Quietly: a machine without a browser is none the worse for it.
fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    if cfg!(target_os = "linux")
        && std::env::var_os("DISPLAY").is_none()
        && std::env::var_os("WAYLAND_DISPLAY").is_none()
    {
        return;
    }
    let quiet = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    drop(quiet);
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
}

/// The folder of the day's data.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn make(given: Option<&Path>) -> Result<Self> {
        let folder = match given {
            Some(path) => Self {
                path: path.to_owned(),
                temporary: false,
            },
            None => {
                let name = format!("gongdan-demo-{}", std::process::id());
                Self {
                    path: std::env::temp_dir().join(name),
                    temporary: true,
                }
            }
        };
        let path = folder.path.join("server");
        ensure!(
            !path.exists(),
            "{} is there already: the day begins on a fresh folder",
            path.display()
        );
        std::fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed is the system's to clean: it lies in its folder for temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
