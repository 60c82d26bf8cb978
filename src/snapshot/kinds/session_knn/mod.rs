//! `session_knn`: past sessions, from which sessions like the running one are found.

mod decode;

use hashbrown::{HashMap, HashSet};

use super::sizes::SAMPLE;
use super::{ArtifactError, ArtifactKind, Encoded, FoundFile, Params, Turn};
use crate::artifact::table::{Cell, Table, TableError};
use crate::feature::IdTable;
use crate::index::{SessionKnn, SessionKnnParams, SessionLimits};
use crate::snapshot::Prediction;

/// Bytes of an integer id in a hash table that is half full: the id, its number, and a byte of the hash.
const INTEGER_ID: usize = 2 * 17;

/// Bytes that decoding takes for a row and for a session at its peak, as [`SessionKnn::from_clicks`] says of itself.
const ROW: usize = 12;
const SESSION: usize = 24;

/// Past sessions, indexed by item.
#[derive(Debug)]
pub struct Sessions {
    /// The index.
    pub index: SessionKnn,
    /// The parameters of the manifest, which a recipe may override.
    pub params: SessionKnnParams,
}

impl ArtifactKind for Sessions {
    const NAME: &'static str = "session_knn";
    // Twice its size while it is decoded: it goes before the others, which then have that memory.
    const TURN: Turn = Turn::Alone;

    fn recognise(file: &FoundFile<'_>) -> bool {
        file.has_columns(&["session_id", "item_id", "timestamp"])
    }

    fn decode(file: &Encoded<'_>, items: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let (params, limits) = (search_params(&file.params())?, limits(&file.params())?);
        let again = table.clone();
        Ok(Self { index: decode::sessions([&table, &again], items, limits)?, params })
    }

    fn predict(file: &Encoded<'_>, items: usize) -> Result<Prediction, ArtifactError> {
        let table = file.table()?;
        let found = Projected::read(&table)?;
        let rows = table.rows().saturating_mul(ROW);
        let building = rows.saturating_add(found.sessions.saturating_mul(SESSION)).saturating_add(found.ids);
        let stays = Prediction::usual(SessionKnn::predict_bytes(items, found.clicks));
        Ok(Prediction { peak: stays.peak.max(building as u64), ..stays })
    }

    fn resident(&self) -> usize {
        self.index.resident_bytes()
    }
}

fn limits(params: &Params<'_>) -> Result<SessionLimits, ArtifactError> {
    let standard = SessionLimits::default();
    let count =
        |key, default: usize| params.number(key, default as f64, 1.0..=1e6).map(|number| number as usize);
    Ok(SessionLimits {
        items_per_session: count("max_items_per_session", standard.items_per_session)?,
        sessions_per_item: count("max_sessions_per_item", standard.sessions_per_item)?,
    })
}

fn search_params(params: &Params<'_>) -> Result<SessionKnnParams, ArtifactError> {
    let standard = SessionKnnParams::default();
    let count = |key, default: usize, most| {
        params.number(key, default as f64, 1.0..=most).map(|number| number as usize)
    };
    Ok(SessionKnnParams {
        m_most_recent_sessions: count("m_most_recent_sessions", standard.m_most_recent_sessions, 1e6)?,
        k_neighbors: count("k_neighbors", standard.k_neighbors, 1e6)?,
        max_items_in_session: count("max_items_in_session", standard.max_items_in_session, 64.0)?,
        idf_weighting: params.number("idf_weighting", standard.idf_weighting.into(), 0.0..=100.0)? as f32,
        ..standard
    })
}

/// What a table of sessions holds, projected from its first rows.
struct Projected {
    sessions: usize,
    /// The distinct items of each session, those of all together.
    clicks: usize,
    /// Bytes of the table of the sessions' ids, which decoding needs unless they ascend.
    ids: usize,
}

impl Projected {
    fn read(table: &Table) -> Result<Self, TableError> {
        let mut head = Head::default();
        table.head("session_id", SAMPLE, &mut |_, cell| {
            head.add(&cell);
            Ok(())
        })?;
        let mut pairs: HashSet<(u32, String)> = HashSet::new();
        table.head("item_id", SAMPLE, &mut |row, cell| {
            if let (Cell::Text(item), Some(session)) = (cell, head.session_of.get(row)) {
                pairs.insert((*session, item.to_owned()));
            }
            Ok(())
        })?;
        let seen = head.session_of.len().max(1);
        // As if all rows were like the first: sessions are short, so that the first rows hold many of them.
        let of_all = |part: usize| (part as f64 / seen as f64 * table.rows() as f64).round() as usize;
        // Told from the first rows only: a file that descends later takes more than was predicted.
        let ids = if head.descends {
            IdTable::predict_bytes(of_all(head.texts.len()), of_all(head.text_bytes), false)
                .saturating_add(of_all(head.integers.len()).saturating_mul(INTEGER_ID))
        } else {
            0
        };
        let sessions = of_all(head.texts.len() + head.integers.len());
        Ok(Self { sessions, clicks: of_all(pairs.len()), ids })
    }
}

/// The session ids of the first rows.
#[derive(Default)]
struct Head {
    /// By row, the number of its session.
    session_of: Vec<u32>,
    texts: HashMap<String, u32>,
    text_bytes: usize,
    integers: HashMap<i64, u32>,
    /// Whether an id is less than the one before.
    descends: bool,
    last_text: String,
    last_integer: Option<i64>,
}

impl Head {
    fn add(&mut self, cell: &Cell<'_>) {
        let next = (self.texts.len() + self.integers.len()) as u32;
        match cell {
            Cell::Text(id) => {
                self.descends |= *id < self.last_text.as_str();
                str::clone_into(id, &mut self.last_text);
                let number = self.texts.get(*id).copied().unwrap_or_else(|| {
                    self.text_bytes += id.len();
                    self.texts.insert((*id).to_owned(), next);
                    next
                });
                self.session_of.push(number);
            }
            Cell::Int(id) => {
                self.descends |= self.last_integer.is_some_and(|last| *id < last);
                self.last_integer = Some(*id);
                self.session_of.push(*self.integers.entry(*id).or_insert(next));
            }
            // The decoder will refuse it.
            _ => {}
        }
    }
}
