//! Phonemes by espeak-ng, loaded from the models directory (or, failing that, the system).
//!
//! The library keeps its state in globals and may be entered by one thread at a time, so there is
//! one of it in the process, behind a lock.

#![expect(
    unsafe_code,
    reason = "espeak-ng is a C library; every call is below, with its reason"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::Library;

use crate::speech::LoadError;

/// The library and its data, below the models directory.
const LIBRARY: &str = "espeak/libespeak-ng.so";
const DATA: &str = "espeak";

/// Where no library is in the models directory, the system's is tried, with its own data.
const SYSTEM_LIBRARY: &str = "libespeak-ng.so.1";

/// What to do when the system has none, added to what the loader said.
const SYSTEM_REMEDY: &str =
    " (no espeak-ng came with the models for this processor; on Debian: apt install libespeak-ng1)";

/// `AUDIO_OUTPUT_SYNCHRONOUS`: no sound device is opened.
const SYNCHRONOUS: c_int = 2;
/// `espeakINITIALIZE_DONT_EXIT`: a bad data directory is an answer, not the end of the process.
const DONT_EXIT: c_int = 0x8000;
/// `espeakCHARS_UTF8`.
const UTF8: c_int = 1;
/// IPA, without separators.
const IPA: c_int = 0x02;
/// `EE_OK`.
const OK: c_int = 0;

type Initialize = unsafe extern "C" fn(c_int, c_int, *const c_char, c_int) -> c_int;
type SetVoiceByName = unsafe extern "C" fn(*const c_char) -> c_int;
type TextToPhonemes = unsafe extern "C" fn(*mut *const c_void, c_int, c_int) -> *const c_char;

static ESPEAK: OnceLock<Mutex<Espeak>> = OnceLock::new();

/// The library, initialised.
struct Espeak {
    set_voice: SetVoiceByName,
    phonemes: TextToPhonemes,
    voice: String,
    /// The functions above live as long as this.
    _library: Library,
}

/// Turns text into phonemes in one voice.
#[derive(Clone, Debug)]
pub(super) struct Phonemizer {
    voice: String,
}

impl Phonemizer {
    /// Loads the library unless it is loaded, and checks that it knows `voice`.
    pub(super) fn load(dir: &Path, voice: &str) -> Result<Self, LoadError> {
        let path = library_path(dir);
        let failed = |reason: String| LoadError::Runtime {
            path: path.clone(),
            reason: if path.is_absolute() {
                reason
            } else {
                format!("{reason}{SYSTEM_REMEDY}")
            },
        };
        if ESPEAK.get().is_none() {
            let fresh = Espeak::load(dir, &path).map_err(failed)?;
            // A loader that was quicker has won; its library is the same.
            let _second = ESPEAK.set(Mutex::new(fresh));
        }
        let phonemizer = Self {
            voice: voice.to_owned(),
        };
        match phonemizer.phonemes("hello") {
            Some(phonemes) if !phonemes.is_empty() => Ok(phonemizer),
            _ => Err(failed(format!("it does not know the voice {voice}"))),
        }
    }

    /// IPA of one clause, which should hold no punctuation. `None` if the voice is unknown or the
    /// text holds a NUL.
    pub(super) fn phonemes(&self, clause: &str) -> Option<String> {
        let text = CString::new(clause).ok()?;
        let mut espeak = ESPEAK.get()?.lock().unwrap_or_else(PoisonError::into_inner);
        espeak.use_voice(&self.voice)?;
        Some(espeak.spell(&text))
    }
}

impl Espeak {
    fn load(dir: &Path, path: &Path) -> Result<Self, String> {
        // SAFETY: espeak-ng runs no code when loaded that has preconditions, and `_library` keeps
        // it loaded for as long as its functions can be called.
        let library = unsafe { Library::new(path) }.map_err(|e| e.to_string())?;
        let missing = |e: libloading::Error| e.to_string();
        // SAFETY: the types are those of speak_lib.h, unchanged since version 1.49.
        let initialize: Initialize =
            unsafe { *library.get(b"espeak_Initialize\0").map_err(missing)? };
        // SAFETY: as above.
        let set_voice: SetVoiceByName =
            unsafe { *library.get(b"espeak_SetVoiceByName\0").map_err(missing)? };
        // SAFETY: as above.
        let phonemes: TextToPhonemes =
            unsafe { *library.get(b"espeak_TextToPhonemes\0").map_err(missing)? };
        let data = own_data(dir).map(|data| data.to_string_lossy().into_owned());
        let data = data
            .map(CString::new)
            .transpose()
            .map_err(|e| e.to_string())?;
        let data = data.as_ref().map_or(std::ptr::null(), |data| data.as_ptr());
        // SAFETY: `data` is null (the library's default) or a string that outlives the call.
        let rate = unsafe { initialize(SYNCHRONOUS, 0, data, DONT_EXIT) };
        if rate <= 0 {
            return Err("espeak-ng found no data".to_owned());
        }
        Ok(Self {
            set_voice,
            phonemes,
            voice: String::new(),
            _library: library,
        })
    }

    fn use_voice(&mut self, voice: &str) -> Option<()> {
        if self.voice == voice {
            return Some(());
        }
        let name = CString::new(voice).ok()?;
        // SAFETY: the string outlives the call; `&mut self` behind the lock makes us alone.
        if unsafe { (self.set_voice)(name.as_ptr()) } != OK {
            return None;
        }
        voice.clone_into(&mut self.voice);
        Some(())
    }

    fn spell(&mut self, text: &CStr) -> String {
        let mut ipa = String::new();
        let mut rest: *const c_void = text.as_ptr().cast();
        while !rest.is_null() {
            // SAFETY: `rest` points into `text`, which outlives the call; the library moves it
            // on, and makes it null at the end. `&mut self` behind the lock makes us alone.
            let part = unsafe { (self.phonemes)(&raw mut rest, UTF8, IPA) };
            if part.is_null() {
                break;
            }
            // SAFETY: the library answers a NUL-terminated string that stays until its next call.
            let part = unsafe { CStr::from_ptr(part) }.to_string_lossy();
            if !ipa.is_empty() && !part.is_empty() {
                ipa.push(' ');
            }
            ipa.push_str(&part);
        }
        ipa
    }
}

/// The data that came with the library, if it did.
fn own_data(dir: &Path) -> Option<PathBuf> {
    let data = dir.join(DATA);
    data.join("espeak-ng-data").is_dir().then_some(data)
}

/// The library to load: our own, or else the system's.
fn library_path(dir: &Path) -> PathBuf {
    let own = dir.join(LIBRARY);
    if own.is_file() {
        std::path::absolute(&own).unwrap_or(own)
    } else {
        PathBuf::from(SYSTEM_LIBRARY)
    }
}
