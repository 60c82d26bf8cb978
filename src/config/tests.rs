//! What a configuration refuses.

use super::*;

#[test]
fn instructions_the_processor_lacks_are_refused_with_those_it_has() {
    let with = |cpu: &str| RawConfig { cpu: Some(cpu.to_owned()), ..RawConfig::default() }.validate();
    assert_eq!(with("scalar").unwrap().cpu, Some(Level::SCALAR));
    assert_eq!(with("auto").unwrap().cpu, None);
    let refused = with("avx1024").unwrap_err().to_string();
    assert!(refused.contains("avx1024") && refused.contains("scalar"), "{refused}");
}

#[test]
fn the_result_cache_has_a_size_or_is_off() {
    let of =
        |text: &str| RawConfig { result_cache: Some(text.to_owned()), ..RawConfig::default() }.validate();
    assert_eq!(of("16MiB").unwrap().limits.result_cache_bytes, 16 << 20);
    assert_eq!(of("0").unwrap().limits.result_cache_bytes, 0);
    assert_eq!(RawConfig::default().validate().unwrap().limits, Limits::default());
    for wrong in ["1", "-1", "none", "2000TiB"] {
        let said = of(wrong).unwrap_err().to_string();
        assert!(said.contains("result_cache") && said.contains("8MiB"), "{said}");
    }
}

#[test]
fn the_memory_for_users_features_is_a_size_or_a_number_of_bytes() {
    let of =
        |line: &str| RawConfig::parse(line).map_err(|e| e.to_string())?.validate().map_err(|e| e.to_string());
    let bytes = |line: &str| of(line).map(|config| config.refresh.load.user_features_memory);
    assert_eq!(bytes(""), Ok(256 << 20));
    assert_eq!(bytes("user_features_memory = \"2GiB\""), Ok(2 << 30));
    assert_eq!(bytes("user_features_memory = 536870912"), Ok(512 << 20));
    for wrong in ["\"much\"", "1000", "\"2000GiB\"", "-5", "true"] {
        let said = bytes(&format!("user_features_memory = {wrong}")).unwrap_err();
        assert!(said.contains("user_features_memory") && said.contains("256MiB"), "{said}");
    }
    assert_eq!(of("memory_budget = 1500000000").unwrap().refresh.memory_budget, Some(1_500_000_000));
}
