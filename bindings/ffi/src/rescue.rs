//! Leaving a phone: what would be lost, and the encrypted file that another phone or the office brings in.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::replica::Unsent;
use gongdan_core::rescue::RescueError;
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;

use crate::error::PhoneError;
use crate::host::{Secret, now};
use crate::phone::Phone;
use crate::wipe;

/// How a logout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Logout {
    /// The phone is empty, its keys are destroyed; every other call fails with `wiped`.
    Done,
    /// Nothing was done: this is on no server and in no rescue file yet.
    Unsent {
        /// What would be lost.
        unsent: Unsent,
    },
}

/// What a rescue file held.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Rescued {
    /// Whose phone it comes from.
    pub person: PersonId,
    /// When it was made, by that phone's clock.
    pub at: Timestamp,
    /// Changesets taken along.
    pub changesets: u32,
    /// Attachments taken along.
    pub blobs: u32,
}

fn io(error: std::io::Error) -> PhoneError {
    RescueError::Io(error).into()
}

#[uniffi::export]
impl Phone {
    /// What would be lost if the phone were emptied now. What is in a rescue file of this phone does not count.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn unsent(&self) -> Result<Unsent, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.unsent()?))
    }

    /// Writes everything that only this phone has into the file at `file`, encrypted under a passphrase of 12
    /// characters or more, and reads it back. The phone goes on as before. Takes a few seconds.
    ///
    /// # Errors
    /// [`PhoneError::Unfit`] (`weak_passphrase`, `too_large`), [`PhoneError::Store`]; then there is no file.
    pub fn write_rescue(&self, file: String, passphrase: String) -> Result<Unsent, PhoneError> {
        let partial = format!("{file}.partial");
        let written = self.with(|exchange| {
            let unsent = exchange.replica.unsent()?;
            let out = BufWriter::new(File::create(&partial).map_err(io)?);
            let out = exchange.replica.write_rescue(now(), &passphrase, out)?;
            let out = out.into_inner().map_err(|error| io(error.into_error()))?;
            out.sync_all().map_err(io)?;
            fs::rename(&partial, &file).map_err(io)?;
            let input = BufReader::new(File::open(&file).map_err(io)?);
            exchange.replica.confirm_rescue(input, &passphrase)?;
            Ok(unsent)
        });
        if written.is_err() {
            let _ = fs::remove_file(&partial);
        }
        written
    }

    /// Takes another phone's rescue file along; the next syncs hand it over, and each command takes effect
    /// once, whoever brings it. Its attachments are among `unsent_blobs` from then on. Takes a second or so.
    ///
    /// # Errors
    /// [`PhoneError::Unfit`] (`wrong_passphrase`, `not_a_rescue_file`, `later_version`, `too_large`),
    /// [`PhoneError::Store`].
    pub fn bring_rescue(&self, file: String, passphrase: String) -> Result<Rescued, PhoneError> {
        let input = BufReader::new(File::open(&file).map_err(io)?);
        self.with(|exchange| {
            let manifest = exchange.replica.bring_rescue(input, &passphrase)?;
            let count = |n| u32::try_from(n).unwrap_or(u32::MAX);
            Ok(Rescued {
                person: manifest.person,
                at: manifest.at,
                changesets: count(manifest.changesets.len()),
                blobs: count(manifest.blobs.len()),
            })
        })
    }

    /// Everything of this phone that has no final verdict, sealed and signed, for a colleague's phone nearby to
    /// carry. It is not encrypted: send it over a channel that is. The phone goes on as before.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn courier_load(&self) -> Result<Vec<Vec<u8>>, PhoneError> {
        self.with(|exchange| {
            let load = exchange.replica.courier_load()?;
            Ok(load.iter().map(codec::encode).collect())
        })
    }

    /// Takes a colleague's load along; the next syncs hand it over. The server leaves out what its author did
    /// not sign, and takes each command in once, whoever brings it.
    ///
    /// # Errors
    /// [`PhoneError::Answer`] with `malformed`: then nothing was taken; [`PhoneError::Store`].
    pub fn carry(&self, load: Vec<Vec<u8>>) -> Result<(), PhoneError> {
        let read = |bytes: Vec<u8>| {
            let changeset = codec::decode::<Changeset>(&bytes);
            changeset.and_then(|changeset| changeset.check_form().map(|()| changeset))
        };
        let load: Result<Vec<Changeset>, _> = load.into_iter().map(read).collect();
        let load = load.map_err(|_| PhoneError::answer("malformed"))?;
        self.with(|exchange| Ok(exchange.replica.carry(load)?))
    }

    /// Empties the phone: both keys are destroyed, the database's files deleted. Where something is on no
    /// server and in no rescue file, nothing is done, and the answer says what. An order to wipe that the
    /// office gave meanwhile is carried out by this too.
    ///
    /// # Errors
    /// [`PhoneError::Store`], [`PhoneError::Key`] with `failed`: call it again.
    pub fn logout(&self) -> Result<Logout, PhoneError> {
        let unsent = self.unsent()?;
        if !unsent.is_empty() {
            return Ok(Logout::Unsent { unsent });
        }
        self.close_for_good()?;
        wipe::destroy(self.path(), self.key_store())?;
        self.key_store()
            .destroy(Secret::DeviceKey)
            .map_err(|_| PhoneError::key("failed"))?;
        Ok(Logout::Done)
    }
}
