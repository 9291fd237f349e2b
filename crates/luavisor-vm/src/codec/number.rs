//! Numbers as JSON and YAML write them.

use std::io::Write;

/// Writes a finite number: whole numbers up to 2^63 as such, others with the fewest
/// digits that read as the same number, with an exponent below 1e-7 and from 1e21 on.
pub fn write(out: &mut Vec<u8>, number: f64) {
    const WHOLE: f64 = (1_u64 << 63) as f64;
    let size = number.abs();
    if number.fract() == 0.0 && size <= WHOLE {
        out.extend_from_slice(itoa::Buffer::new().format(number as i128).as_bytes());
        return;
    }
    // What it writes with an exponent, the rule below may write without.
    if (1e-4..1e15).contains(&size) {
        out.extend_from_slice(zmij::Buffer::new().format(number).as_bytes());
        return;
    }
    // Writing to memory does not fail.
    if (1e-7..1e21).contains(&size) {
        let _ = write!(out, "{number}");
    } else {
        let text = format!("{number:e}");
        let text = if text.contains("e-") { text } else { text.replace('e', "e+") };
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_few_digits_as_they_need() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (42.0, "42"),
            (-1.0, "-1"),
            (3.25, "3.25"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (999_999_999_999_999.9, "999999999999999.9"),
            (0.1 + 0.2, "0.30000000000000004"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (9_223_372_036_854_774_784.0, "9223372036854774784"),
            (9_223_372_036_854_775_808.0, "9223372036854775808"),
            (18_446_744_073_709_551_616.0, "18446744073709552000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (1e-7, "0.0000001"),
            (9.5e-8, "9.5e-8"),
            (5e-324, "5e-324"),
        ] {
            let mut out = Vec::new();
            write(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap_or_default(), expected);
        }
    }
}
