//! What is wrong with a configuration, or soon will be: each names the place, the key and what to write instead.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// A configuration that cannot be used. The process exits with 64.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML. The line itself is not repeated: there may be a secret in it.
    #[error("{}, line {line}, column {column}: {reason}", .file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the parser found.
        reason: String,
    },
    /// A key, or a section, that does not exist.
    #[error("{}, line {line}: there is no {what} {name}{}", .file.display(), did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// `setting` or `section`.
        what: &'static str,
        /// The name as written.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{}{key} is {value}: expected {expected}", place(.origin.as_deref()))]
    Value {
        /// Who said so; `None`: no single source.
        // Boxed, as below, because every result in the command line is as large as its largest error.
        origin: Option<Box<Origin>>,
        /// The key with its section.
        key: String,
        /// The value, unless it is a secret.
        value: String,
        /// What would be taken instead.
        expected: String,
    },
    /// Mappings of a source that cannot be used.
    #[error("{origin}: {key}: {reason}")]
    Source {
        /// Where.
        origin: Box<Origin>,
        /// The key.
        key: String,
        /// What is wrong, and with which of them.
        reason: String,
    },
    /// A setting that is there no more.
    #[error("{}{} is there no more: write {instead}", file_of(.origin), at(.origin))]
    Gone {
        /// Where.
        origin: Box<Origin>,
        /// What to write.
        instead: &'static str,
    },
    /// One source gives a setting by its old and its new name.
    #[error("{}{} and {} are the same setting: remove {}", file_of(.old), at(.old), at(.new), .old.name())]
    Twice {
        /// Where the old name is.
        old: Box<Origin>,
        /// Where the new name is.
        new: Box<Origin>,
    },
    /// A variable whose value is no text.
    #[error("{variable} is not UTF-8; write it as text")]
    NotText {
        /// The variable.
        variable: String,
    },
}

impl ConfigError {
    pub(super) fn twice(old: Origin, new: Origin) -> Self {
        Self::Twice { old: Box::new(old), new: Box::new(new) }
    }
}

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In a file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key as written there, with its section.
        key: String,
    },
    /// In the environment, by this variable.
    Variable(String),
    /// On the command line, by this flag.
    Flag(String),
}

impl Origin {
    /// The name that is used there.
    fn name(&self) -> String {
        match self {
            Self::File { key, .. } => key.clone(),
            Self::Variable(name) => name.clone(),
            Self::Flag(name) => format!("--{name}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, .. } => write!(f, "{}, line {line}", file.display()),
            Self::Variable(_) | Self::Flag(_) => f.write_str(&self.name()),
        }
    }
}

/// What works, and should be changed all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A setting was given by the name it had before.
    Renamed {
        /// Where.
        origin: Origin,
        /// What to write there instead.
        instead: String,
    },
    /// A variable begins with `LARDER_` and is no setting.
    UnknownVariable {
        /// The variable.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { origin, instead } => {
                write!(f, "{}{} is an old name: write {instead}", file_of(origin), at(origin))
            }
            Self::UnknownVariable { name, nearest } => {
                write!(f, "the environment variable {name} is no setting{}", did_you_mean(nearest.as_deref()))
            }
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

fn place(origin: Option<&Origin>) -> String {
    origin.map(|origin| format!("{origin}: ")).unwrap_or_default()
}

/// The file with a colon, if it is one.
fn file_of(origin: &Origin) -> String {
    match origin {
        Origin::File { file, .. } => format!("{}: ", file.display()),
        Origin::Variable(_) | Origin::Flag(_) => String::new(),
    }
}

/// The name used there, and in a file its line.
fn at(origin: &Origin) -> String {
    match origin {
        Origin::File { line, key, .. } => format!("{key} (line {line})"),
        Origin::Variable(_) | Origin::Flag(_) => origin.name(),
    }
}
