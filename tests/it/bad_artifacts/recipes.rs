//! Recipes and golden queries that do not fit the snapshot they travel with.

use std::fs;

use serde_json::json;

use super::{Bad, Refusal, refuses};

/// Writes the placements anew.
fn recipe(text: &str) -> impl FnOnce(&mut Bad) {
    move |bad| {
        fs::write(bad.file("placements.toml"), text).unwrap();
        bad.seal();
    }
}

/// A recipe for "pdp.similar" that is bad in the lines of `body`; the first of them is line 3.
fn refuses_recipe(body: &str, says: &[&str]) {
    let text = format!("# A test.\n[placements.\"pdp.similar\"]\n{body}\n");
    refuses(recipe(&text), Refusal { artifact: Some("placements"), label: "refused", says });
}

const SOURCES: &str = r#"sources = [ { kind = "neighbors", artifact = "similar" } ]"#;

#[test]
fn a_snapshot_without_placements_is_refused() {
    let harm = |bad: &mut Bad| {
        fs::remove_file(bad.file("placements.toml")).unwrap();
        bad.seal();
    };
    refuses(harm, Refusal { artifact: Some("placements"), label: "refused", says: &["placements.toml"] });
    let says = ["placements.toml", "0 placements, expected 1 to 1000"];
    refuses(recipe("[placements]"), Refusal { artifact: Some("placements"), label: "refused", says: &says });
}

#[test]
fn recipes_that_are_no_toml_or_no_text_are_refused() {
    refuses_recipe("sources = [", &["placements.toml, line"]);
    let harm = |bad: &mut Bad| {
        fs::write(bad.file("placements.toml"), b"\xff\xfe").unwrap();
        bad.seal();
    };
    refuses(harm, Refusal { artifact: Some("placements"), label: "content", says: &["UTF-8"] });
}

#[test]
fn an_unknown_artifact_is_refused_with_line_and_nearest_name() {
    refuses_recipe(
        "page_size = 3\nsources = [ { kind = \"neighbors\", artifact = \"similiar\" } ]",
        &["line 4", "\"pdp.similar\"", "no artifact \"similiar\"", "did you mean \"similar\"?"],
    );
    let body = format!("{SOURCES}\nfallback = [ {{ kind = \"popular\", artifact = \"popularty\" }} ]");
    refuses_recipe(&body, &["line 4", "did you mean \"popularity\"?"]);
    let body = format!("{SOURCES}\nhistory = \"bougt\"");
    refuses_recipe(&body, &["line 4", "did you mean \"bought\"?"]);
}

#[test]
fn an_artifact_of_another_kind_is_refused() {
    let body = r#"sources = [ { kind = "session_knn", artifact = "similar" } ]"#;
    refuses_recipe(body, &["line 3", "\"similar\" is of kind item_neighbors, expected session_knn"]);
}

#[test]
fn a_recipe_that_looks_at_more_sessions_than_the_artifact_keeps_is_refused() {
    let harm = |bad: &mut Bad| {
        bad.edit_entry("sessions", |entry| entry["params"] = json!({"max_sessions_per_item": 400}));
    };
    let says = [
        "m_most_recent_sessions is 500",
        "\"sessions\" keeps the 400 newest",
        "raise its max_sessions_per_item",
    ];
    refuses(harm, Refusal { artifact: Some("placements"), label: "refused", says: &says });
}

#[test]
fn an_unknown_column_is_refused_with_line_and_nearest_name() {
    let body = format!("{SOURCES}\nrerank = [ {{ kind = \"cap\", by = \"categori\", max = 2 }} ]");
    refuses_recipe(&body, &["line 4", "no attribute \"categori\"", "did you mean \"category\"?"]);
    let body = format!("{SOURCES}\n\nfilter = 'in_stok'");
    refuses_recipe(&body, &["line 5", "character 1", "did you mean \"in_stock\"?"]);
}

#[test]
fn a_filter_that_does_not_type_check_is_refused() {
    let body = format!("{SOURCES}\nfilter = 'in_stock && price > \"cheap\"'");
    refuses_recipe(&body, &["line 4", "character 13", "\"price\" is of type float"]);
    let body = format!("{SOURCES}\nfilter = 'price >'");
    refuses_recipe(&body, &["line 4", "character 8", "found the end"]);
    let body =
        format!("{SOURCES}\nfilters = [ {{ kind = \"attribute\", expression = \"price in $list\" }} ]");
    refuses_recipe(&body, &["line 4", "$list"]);
}

#[test]
fn unknown_kinds_are_refused_stage_by_stage() {
    refuses_recipe(
        r#"sources = [ { kind = "neighbours", artifact = "similar" } ]"#,
        &["line 3", "no source of kind \"neighbours\"", "did you mean \"neighbors\"?"],
    );
    let stages = [
        ("filters = [ { kind = \"atribute\" } ]", "no filter of kind \"atribute\""),
        ("scorer = { kind = \"blendd\" }", "no scorer of kind \"blendd\""),
        ("rerank = [ { kind = \"mrr\" } ]", "no re-ranker of kind \"mrr\""),
        ("exclude = [\"sedes\"]", "sedes"),
        ("objective = \"profit\"", "profit"),
    ];
    for (line, reason) in stages {
        refuses_recipe(&format!("{SOURCES}\n{line}"), &["line 4", reason]);
    }
}

#[test]
fn unknown_and_misplaced_keys_are_refused() {
    refuses_recipe(&format!("{SOURCES}\npagesize = 3"), &["line 4", "pagesize"]);
    refuses_recipe(
        r#"sources = [ { kind = "neighbors", artifact = "similar", tak = 3 } ]"#,
        &["line 3", "unknown field `tak`", "`take`"],
    );
    refuses_recipe("page_size = 3", &["missing field `sources`"]);
    let body = format!("{SOURCES}\nexclude = [\"purchased\"]");
    refuses_recipe(&body, &["\"purchased\"", "need history"]);
}

#[test]
fn values_out_of_range_are_refused() {
    for (body, reason) in [
        (format!("page_size = 0\n{SOURCES}"), "page_size is 0, expected 1 to 100"),
        ("sources = []".to_owned(), "at least one"),
        (SOURCES.replace(" }", ", take = 0 }"), "take is 0, expected 1 to 10000"),
        (SOURCES.replace(" }", ", decay = -1.0 }"), "decay is -1, expected 0 to 16"),
        (SOURCES.replace(" }", ", role_weights.cart = -1.0 }"), "role_weights is -1, expected 0 to 1000000"),
        (SOURCES.replace(" }", ", role_weights.buyer = 1.0 }"), "unknown variant `buyer`"),
        (
            SOURCES.replace(" }", ", event_weights.view = nan }"),
            "event_weights is NaN, expected 0 to 1000000",
        ),
        (format!("{SOURCES}\nrerank = [ {{ kind = \"cap\", by = \"category\", max = 0 }} ]"), "max is 0"),
        (
            format!(
                "{SOURCES}\nfallback = [ {{ kind = \"popular\", artifact = \"popularity\", segment = \"brand\" }} ]"
            ),
            "has no segment \"brand\"; it has: category, country, season",
        ),
    ] {
        refuses_recipe(&body, &[reason]);
    }
}

#[test]
fn two_stages_of_one_label_are_refused() {
    let body = r#"sources = [ { kind = "neighbors", artifact = "similar" },
 { kind = "neighbors", artifact = "goes_with" } ]"#;
    refuses_recipe(body, &["line 4", "two stages are called \"neighbors\"", "another name"]);
    let body = format!("{SOURCES}\nscorer = {{ kind = \"blend\", weights = {{ neighbor = 1.0 }} }}");
    refuses_recipe(&body, &["line 4", "no source \"neighbor\"", "did you mean \"neighbors\"?"]);
}

#[test]
fn a_golden_query_with_another_answer_is_refused() {
    let harm = |bad: &mut Bad| {
        bad.edit_manifest(|manifest| {
            manifest["golden"][0]["expect"] = serde_json::json!(["assam", "kettle"])
        });
    };
    let says = ["golden query 1 (pdp.similar)", "\"kettle\" is not in the slate: "];
    refuses(harm, Refusal { artifact: Some("golden"), label: "refused", says: &says });
    let harm = |bad: &mut Bad| {
        bad.edit_manifest(|manifest| manifest["golden"][0]["placement"] = serde_json::json!("pdp.simila"));
    };
    let says = ["golden query 1", "did you mean \"pdp.similar\"?"];
    refuses(harm, Refusal { artifact: Some("golden"), label: "refused", says: &says });
}
