//! The only place that reads the machine's clock; everywhere else time is an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 UTC.
pub(crate) fn now_micros() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// The most memory this process has held, in MiB, from `/proc/self/status`.
pub(crate) fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_train::thread_cpu_seconds;

    #[test]
    fn the_clock_is_past_the_year_it_was_written_in() {
        assert!(now_micros() > 1_767_225_600_000_000);
    }

    #[test]
    fn work_costs_processor_time_and_memory() {
        let before = thread_cpu_seconds();
        let mut x = 1_u64;
        while thread_cpu_seconds() - before < 0.02 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(peak_memory_mib().unwrap() > 0.5);
    }
}
