//! `agentstack plugin keygen` and `sign`

use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use agentstack::core::Secret;
use agentstack::plugins::{Package, SIGNATURE, SecretKey};
use anyhow::{Context, bail};
use serde_json::json;

use crate::Verdict;

/// Longest file of a key or a password, in bytes.
const FILE_BYTES: u64 = 4 * 1024;

#[derive(clap::Args)]
pub(crate) struct Keygen {
    /// Where the secret key is put. The public key is put beside it, with `.pub` at the end.
    #[arg(value_name = "FILE", default_value = "agentstack-plugins.key")]
    file: PathBuf,
    /// The file that holds the password of the secret key, if nobody can be asked.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct Sign {
    /// The folder with its files.
    folder: PathBuf,
    /// The secret key, as `plugin keygen` or minisign made it.
    #[arg(long, value_name = "FILE", default_value = "agentstack-plugins.key")]
    key: PathBuf,
    /// The file that holds the password of the secret key, if nobody can be asked.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(crate) fn keygen(asked: &Keygen, as_json: bool) -> anyhow::Result<Verdict> {
    let public_file = beside(&asked.file);
    for path in [&asked.file, &public_file] {
        if fs::symlink_metadata(path).is_ok() {
            bail!("{} is there already: name another file", path.display());
        }
    }
    let password = password(asked.password_file.as_deref(), true)?;
    let key = SecretKey::generate()?;
    let public = key.public_key()?;
    create(&asked.file, 0o600, key.seal(&password)?.expose())?;
    create(&public_file, 0o644, &public.to_file())?;
    let text = public.to_file();
    let text = text.lines().nth(1).unwrap_or_default();
    if as_json {
        println!(
            "{:#}",
            json!({
                "id": public.id().to_string(), "publicKey": text, "secretKeyFile": asked.file, "publicKeyFile": public_file,
            })
        );
    } else {
        eprintln!(
            "The secret key {} is in {}: keep it where nobody else reads it.",
            public.id(),
            asked.file.display()
        );
        eprintln!("Who is to trust it puts this into `plugins.trustedKeys` of the configuration:");
        println!("{text}");
    }
    Ok(Verdict::Well)
}

pub(crate) fn sign(asked: &Sign, as_json: bool) -> anyhow::Result<Verdict> {
    let package = Package::read(&asked.folder).with_context(|| asked.folder.display().to_string())?;
    let statement = package.statement()?;
    let sealed = Secret::new(text(&asked.key)?);
    let password = password(asked.password_file.as_deref(), false)?;
    let key = SecretKey::open(&sealed, &password)?;
    let path = asked.folder.join(SIGNATURE);
    let new = asked.folder.join(format!(".{SIGNATURE}.new"));
    // Beside it first: what is there is whole at any time.
    let _ = fs::remove_file(&new);
    create(&new, 0o644, &key.sign(&statement))?;
    fs::rename(&new, &path).with_context(|| path.display().to_string())?;
    let signer = key.public_key()?.id();
    if as_json {
        println!(
            "{:#}",
            json!({ "statement": statement.to_string(), "signer": signer.to_string(), "file": path })
        );
    } else {
        println!("Signed by {signer}: {statement}");
    }
    Ok(Verdict::Well)
}

fn beside(secret: &Path) -> PathBuf {
    let mut name = secret.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn create(path: &Path, mode: u32, content: &str) -> anyhow::Result<()> {
    let written =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).and_then(|mut file| {
            file.write_all(content.as_bytes())?;
            file.sync_all()
        });
    written.with_context(|| path.display().to_string())
}

fn text(path: &Path) -> anyhow::Result<String> {
    let named = || path.display().to_string();
    if fs::metadata(path).with_context(named)?.len() > FILE_BYTES {
        bail!("{} is larger than {FILE_BYTES} bytes", named());
    }
    fs::read_to_string(path).with_context(named)
}

/// The password: the first line of the file, or what a person types, twice for a new one.
fn password(file: Option<&Path>, is_new: bool) -> anyhow::Result<Secret<String>> {
    if let Some(path) = file {
        let text = text(path)?;
        return Ok(Secret::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked for the password here: name a file with --password-file");
    }
    let typed = Secret::new(rpassword::prompt_password("Password of the secret key: ")?);
    if is_new && rpassword::prompt_password("Once more: ")? != *typed.expose() {
        bail!("the two are not the same");
    }
    Ok(typed)
}
