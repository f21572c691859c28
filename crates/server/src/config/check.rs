//! What types cannot say of a server configuration: every fault in one pass, with the line of its key.
//!
//! The decision: a fault begins with its dotted key, and the key is looked up in the text afterwards; a configuration that came
//! together from flags and variables has no text, and its faults are told by key alone.

use std::path::Path;

use super::{
    DictionaryConfig, DictionaryKindConfig, EMB, ModelConfig, POPULARITY, RankerKind, ServerConfig,
    StoreKind, names_of,
};
use crate::error::ServerError;

impl ServerConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// [`ServerError::Config`] with every fault, one per line.
    pub fn check(&self, file: &str) -> Result<(), ServerError> {
        let faults = self.told(file, "");
        if faults.is_empty() {
            Ok(())
        } else {
            Err(ServerError::Config {
                faults: faults.join("\n"),
            })
        }
    }

    /// The faults with file and, where the text has the key, line.
    pub(super) fn told(&self, file: &str, text: &str) -> Vec<String> {
        let place = |fault: &str| {
            let key = fault.split_once(": ").map_or("", |(key, _)| key);
            line_of(text, key).map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
        };
        let faults = self.faults().into_iter();
        faults
            .map(|fault| format!("{}: {fault}", place(&fault)))
            .collect()
    }

    fn faults(&self) -> Vec<String> {
        let limits = &self.limits;
        let times = [
            ("limits.deadline_ms", limits.deadline_ms),
            ("limits.head_ms", limits.head_ms),
            ("ranker.timeout_ms", self.ranker.timeout_ms),
            ("samples.flush_s", self.samples.flush_s),
            ("arrivals.timeout_ms", self.arrivals.timeout_ms),
            ("arrivals.poll_ms", self.arrivals.poll_ms),
        ];
        let positive = [
            ("limits.body_mb", limits.body_mb),
            ("limits.items", limits.items),
            ("limits.permits", limits.permits),
            ("limits.size", limits.size),
            ("limits.connections", limits.connections),
            ("samples.queue", self.samples.queue),
            ("samples.memory_mb", self.samples.memory_mb),
            ("samples.rows", self.samples.rows),
            ("quotas.limit", self.quotas.limit),
            ("coarse.keep", self.coarse.keep),
            ("arrivals.row", self.arrivals.row),
            ("arrivals.known", self.arrivals.known),
        ];
        let zero = positive
            .iter()
            .filter(|(_, value)| *value == 0)
            .map(|(key, _)| key);
        let no_time = times.iter().filter(|(_, value)| *value == 0).map(|(key, _)| key);
        let mut faults: Vec<String> = zero
            .chain(no_time)
            .map(|key| format!("{key}: expected at least 1, got 0"))
            .collect();
        if !(0.0..=1.0).contains(&self.samples.rate) {
            faults.push(format!(
                "samples.rate: expected 0 to 1, got {}",
                self.samples.rate
            ));
        }
        faults.extend(self.kind_faults());
        faults.extend(self.address_faults());
        faults.extend(self.model_faults());
        faults.extend(self.tower_faults());
        faults.extend(self.arrival_faults());
        faults.extend(self.dictionary_faults());
        faults
    }

    fn tower_faults(&self) -> Vec<String> {
        let (tower, mut faults) = (&self.tower, Vec::new());
        if tower.model.is_empty() {
            return faults;
        }
        let listed = |name: &str| self.model.iter().find(|model| model.name == name);
        if listed(&tower.model).is_none_or(|model| model.vectors.is_empty()) {
            let got = &tower.model;
            faults.push(format!(
                "tower.model: expected one of the models, with `vectors`, got {got:?}"
            ));
        }
        if listed(&tower.history).is_none() {
            let got = &tower.history;
            faults.push(format!("tower.history: expected one of the models, got {got:?}"));
        }
        faults
    }

    fn kind_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.store.kind == StoreKind::Redis && self.store.url.is_empty() {
            faults.push("store.url: expected an address for kind \"redis\", got nothing".to_owned());
        }
        let schemes = ["http://", "grpc://"];
        let known = schemes.iter().any(|scheme| self.ranker.url.starts_with(scheme));
        if self.ranker.kind == RankerKind::Remote && !known {
            faults.push(format!(
                "ranker.url: expected an http:// or grpc:// address, got \"{}\"",
                self.ranker.url
            ));
        }
        let listen = [&self.listen.site, &self.listen.rest, &self.listen.grpc];
        if listen.iter().all(|address| address.is_empty()) {
            faults.push("listen: expected site, rest or grpc, got none".to_owned());
        }
        faults
    }

    fn address_faults(&self) -> Vec<String> {
        let listen = &self.listen;
        let addresses = [
            ("listen.site", &listen.site),
            ("listen.rest", &listen.rest),
            ("listen.grpc", &listen.grpc),
        ];
        let wrong = addresses
            .iter()
            .filter(|(_, address)| !address.is_empty() && !is_address(address));
        wrong
            .map(|(key, address)| {
                format!("{key}: expected an address such as 127.0.0.1:6010, or nothing for no port, got \"{address}\"")
            })
            .collect()
    }

    fn model_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let names: Vec<&str> = self.model.iter().flat_map(names_of).collect();
        for (index, name) in names.iter().enumerate() {
            if [EMB, POPULARITY].contains(name) {
                faults.push(format!(
                    "model: \"{name}\" is the server's own ranker; publish the model under another name (`train --name`)"
                ));
            } else if name.is_empty() || names[..index].contains(name) {
                faults.push(format!("model: name or alias \"{name}\" is empty or taken"));
            }
        }
        // a predictor alone ranks nothing of its own
        if !self.listen.site.is_empty() && self.canonical(&self.default_model).is_none() {
            let known = self.rankers().join(", ");
            faults.push(format!(
                "default_model: expected one of {known}, got \"{}\"",
                self.default_model
            ));
        }
        if !self.coarse.model.is_empty() && self.canonical(&self.coarse.model).is_none() {
            let known = self.rankers().join(", ");
            faults.push(format!(
                "coarse.model: expected one of {known}, got \"{}\"",
                self.coarse.model
            ));
        }
        faults.extend(self.model.iter().filter_map(|model| self.vector_fault(model)));
        faults
    }

    fn vector_fault(&self, model: &ModelConfig) -> Option<String> {
        let vectors = |one: &&DictionaryConfig| one.kind == DictionaryKindConfig::Vectors;
        let mut names = self.dictionary.iter().filter(vectors).map(|one| &one.name);
        let known = model.vectors.is_empty() || names.any(|name| *name == model.vectors);
        (!known).then(|| {
            format!(
                "model \"{}\": vectors: expected a dictionary of kind \"vectors\", got \"{}\"",
                model.name, model.vectors
            )
        })
    }

    fn dictionary_faults(&self) -> Vec<String> {
        let confs = self.conf.iter().map(|conf| ("conf", &conf.name, &conf.path));
        let dictionaries = self.dictionary.iter();
        let dictionaries = dictionaries.map(|one| ("dictionary", &one.name, &one.path));
        let named: Vec<_> = confs.chain(dictionaries).collect();
        let mut faults = Vec::new();
        for (i, (what, name, path)) in named.iter().enumerate() {
            let taken = named[..i]
                .iter()
                .any(|(kind, other, _)| kind == what && other == name);
            if name.is_empty() || taken {
                faults.push(format!("{what}: name \"{name}\" is empty or taken"));
            }
            if path.as_os_str().is_empty() {
                faults.push(format!("{what} \"{name}\": path: expected a file, got nothing"));
            }
        }
        let unread = self
            .dictionary
            .iter()
            .filter_map(|one| one.entry(Path::new("")).err());
        faults.into_iter().chain(unread).collect()
    }
}

/// Whether `host:port` can be meant.
fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// The line, from 1, on which a text gives a dotted key.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut at = "";
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        if let Some(header) = text.strip_prefix('[') {
            at = header.split(']').next().unwrap_or("").trim();
        }
        let found = text.split('=').next().unwrap_or("").trim();
        if (at == table && found == name) || (at.is_empty() && found == key) {
            return Some(line);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_type_and_of_meaning_come_together_with_their_lines() {
        let text = "threads = \"many\"\nlisten.grpc = \"here\"\n[listen]\nsite = \"nonsense\"\nrest = \"\"\n[limits]\n# no\npermits = 0\n";
        let told = ServerConfig::parse(&text.replace("listen.grpc = \"here\"\n", ""), "s.toml").unwrap_err();
        let told = told.to_string();
        let starts = [
            "s.toml:1:11: ",
            "s.toml:7: limits.permits: ",
            "s.toml:3: listen.site: ",
        ];
        assert_eq!(told.lines().count(), 3, "{told}");
        for (line, start) in told.lines().zip(starts) {
            assert!(line.starts_with(start), "{line} for {start}");
        }
        assert_eq!(line_of("a = 1\nlisten.grpc = \"here\"\n", "listen.grpc"), Some(2));
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for (text, good) in [
            ("127.0.0.1:0", true),
            ("[::1]:80", true),
            ("localhost:80", true),
            (":80", false),
            ("80", false),
            ("a:65536", false),
        ] {
            assert_eq!(is_address(text), good, "{text}");
        }
    }
}
