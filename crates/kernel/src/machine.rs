//! Which instruction set runs: detected once per call site from the processor, never compiled in.
//!
//! Artefacts write [`Machine::name`] into their manifest. The order of operations is the same on all machines, so a
//! name differs only to say where a figure was made. `target-cpu=native` was refused: a shipped binary must run anywhere.

/// An instruction set the kernel has loops for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// x86-64 with AVX-512F.
    Avx512,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// Any processor: the scalar twin.
    Scalar,
}

impl Machine {
    /// Returns the best instruction set of this processor. Cost: an atomic load.
    #[inline]
    #[must_use]
    pub fn detect() -> Machine {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Machine::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Machine::Avx2;
            }
        }
        Machine::Scalar
    }

    /// Returns every instruction set this processor can run, best first; the scalar twin is always the last.
    #[must_use]
    pub fn available() -> Vec<Machine> {
        match Machine::detect() {
            Machine::Avx512 => vec![Machine::Avx512, Machine::Avx2, Machine::Scalar],
            Machine::Avx2 => vec![Machine::Avx2, Machine::Scalar],
            Machine::Scalar => vec![Machine::Scalar],
        }
    }

    /// Returns the name written into manifests, such as `x86_64+avx512f`.
    #[must_use]
    pub fn name(self) -> String {
        let arch = std::env::consts::ARCH;
        match self {
            Machine::Avx512 => format!("{arch}+avx512f"),
            Machine::Avx2 => format!("{arch}+avx2+fma"),
            Machine::Scalar => arch.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Machine;

    #[test]
    fn detected_machine_leads_the_available_ones() {
        let all = Machine::available();
        assert_eq!(all.first(), Some(&Machine::detect()));
        assert_eq!(all.last(), Some(&Machine::Scalar));
    }

    #[test]
    fn names_are_distinct() {
        assert_ne!(Machine::Avx512.name(), Machine::Avx2.name());
        assert_ne!(Machine::Avx2.name(), Machine::Scalar.name());
    }
}
