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
