//! `sessions`: past sessions for session kNN.

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{StringArray, TimestampMillisecondArray};
use serde_json::json;

use super::trainer::{Trainer, nothing};
use crate::artifact::table::{TableError, TableWriter};
use crate::train::events::Event;
use crate::train::inputs::TrainingInputs;
use crate::train::sessions::Session;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "sessions", needs: nothing, train };

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    _: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    // From a session of one item nothing can be concluded about another.
    let useful: Vec<&Session> = inputs.sessions().iter().filter(|session| session.events.len() > 1).collect();
    let recent = &useful[useful.len().saturating_sub(inputs.plan.max_sessions)..];
    let events: Vec<&Event> = recent.iter().flat_map(|session| &session.events).collect();
    let mut session_ids = StringDictionaryBuilder::<Int32Type>::new();
    for event in &events {
        session_ids.append_value(&inputs.log.sessions[event.session as usize]);
    }
    let item_ids = events.iter().map(|event| writer.item_id(event.item));
    let times = events.iter().map(|event| event.time_ms);
    let mut table = TableWriter::default()
        .column("session_id", session_ids.finish())
        .column("item_id", StringArray::from_iter_values(item_ids))
        .column("timestamp", TimestampMillisecondArray::from_iter_values(times));
    // Whatever else the events say (a device, a country) goes along, for those who read the artifact.
    let rows: Vec<usize> = events.iter().map(|event| event.row as usize).collect();
    for (name, attribute) in &inputs.log.extra {
        table = table.column(name, attribute.gather(&rows));
    }
    // What the loader takes where a recipe says nothing; the tuner tries others per recipe.
    let params = json!({
        "m_most_recent_sessions": 2500, "k_neighbors": 500, "max_items_in_session": 10, "idf_weighting": 1.0,
    });
    writer.write("sessions", "session_knn", events.len(), table, params)
}
