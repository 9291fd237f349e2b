//! The example prints what its `expected.txt` says.

#[test]
fn prints_what_is_expected() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_embedding")).output();
    let output = output.expect("the example runs");
    let expected = include_str!("../expected.txt");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(output.status.success());
}
