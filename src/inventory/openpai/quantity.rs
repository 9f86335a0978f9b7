//! Memory in Kubernetes' quantities.

const MIB: f64 = 1024.0 * 1024.0;

/// A quantity (`60Gi`, `62000M`, bytes) in MiB. A bare number too small for bytes is GiB, as layouts of
/// OpenPAI before 1.0 have it (`mem: 224`).
pub(super) fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() || number.starts_with('.') {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let bytes = match unit {
        "" if number < MIB => number * 1024.0 * MIB,
        "" => number,
        "Ki" => number * 1024.0,
        "Mi" => number * MIB,
        "Gi" => number * MIB * 1024.0,
        "Ti" => number * MIB * MIB,
        "Pi" => number * MIB * MIB * 1024.0,
        "Ei" => number * MIB * MIB * MIB,
        "k" => number * 1e3,
        "M" => number * 1e6,
        "G" => number * 1e9,
        "T" => number * 1e12,
        "P" => number * 1e15,
        "E" => number * 1e18,
        _ => number * 10_f64.powi(unit.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    let mebibytes = bytes / MIB;
    (mebibytes.is_finite() && mebibytes < 1e12).then_some(mebibytes as u64)
}

#[cfg(test)]
mod tests {
    use super::mebibytes;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        assert_eq!(mebibytes("60Gi"), Some(61_440));
        assert_eq!(mebibytes("1.5Gi"), Some(1_536));
        assert_eq!(mebibytes("64000M"), Some(61_035));
        assert_eq!(mebibytes("64424509440"), Some(61_440));
        assert_eq!(mebibytes("6e10"), Some(57_220));
        assert_eq!(mebibytes("224"), Some(229_376));
        for wrong in ["60GB", "lots", "", "-5Gi", "60 Gi", "1e999"] {
            assert_eq!(mebibytes(wrong), None, "{wrong}");
        }
    }
}
