//! A selection's text as words, numbers, strings and signs.

use super::Complaint;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword.
    Word(String),
    /// A name in backticks: never a keyword.
    Quoted(String),
    /// A number.
    Number(String),
    /// A string in either quote.
    Text(String),
    /// An operator, a bracket, a comma.
    Sign(&'static str),
    /// Behind the last.
    End,
}

impl Token {
    /// How a fault calls it.
    pub(super) fn told(&self) -> String {
        match self {
            Token::Word(text) | Token::Quoted(text) | Token::Number(text) => format!("`{text}`"),
            Token::Text(text) => format!("the string \"{text}\""),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end".to_owned(),
        }
    }
}

/// Longer signs stand before those they begin with.
const SIGNS: [&str; 17] = [
    "==", "!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", ".",
];

/// The pieces, each with the characters before it.
///
/// # Errors
/// A string without end, a character that begins nothing.
pub(super) fn lex(text: &str) -> Result<Vec<(Token, usize)>, Complaint> {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut found) = (0, Vec::new());
    while let Some(&first) = chars.get(at) {
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let (token, end) = one(&chars, at, first)?;
        found.push((token, at));
        at = end;
    }
    found.push((Token::End, chars.len()));
    Ok(found)
}

fn one(chars: &[char], at: usize, first: char) -> Result<(Token, usize), Complaint> {
    if first.is_alphabetic() || first == '_' {
        let end = span(chars, at, |c| c.is_alphanumeric() || c == '_');
        return Ok((Token::Word(chars[at..end].iter().collect()), end));
    }
    if first.is_ascii_digit() {
        return Ok(number(chars, at));
    }
    if matches!(first, '"' | '\'' | '`') {
        return quoted(chars, at, first);
    }
    let rest: String = chars[at..].iter().take(2).collect();
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => Ok((Token::Sign(sign), at + sign.len())),
        None => Err(Complaint::new(
            at,
            format!("expected a name, a number, a string or an operator, got `{first}`"),
        )),
    }
}

fn span(chars: &[char], from: usize, belongs: impl Fn(char) -> bool) -> usize {
    let length = chars[from..].iter().take_while(|c| belongs(**c)).count();
    from + length
}

fn number(chars: &[char], at: usize) -> (Token, usize) {
    let digits = |from| span(chars, from, |c| c.is_ascii_digit());
    let mut end = digits(at);
    if chars.get(end) == Some(&'.') && digits(end + 1) > end + 1 {
        end = digits(end + 1);
    }
    (Token::Number(chars[at..end].iter().collect()), end)
}

/// A string or a name between quotes; a doubled quote or a backslash keeps the quote.
fn quoted(chars: &[char], at: usize, quote: char) -> Result<(Token, usize), Complaint> {
    let (mut text, mut next) = (String::new(), at + 1);
    loop {
        let here = chars.get(next).copied();
        let after = chars.get(next + 1).copied();
        match (here, after) {
            (None, _) => {
                return Err(Complaint::new(at, format!("the string has no closing {quote}")));
            }
            (Some('\\'), Some(kept)) if quote != '`' => {
                text.push(match kept {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                next += 2;
            }
            (Some(c), Some(d)) if c == quote && d == quote => {
                text.push(quote);
                next += 2;
            }
            (Some(c), _) if c == quote => break,
            (Some(c), _) => {
                text.push(c);
                next += 1;
            }
        }
    }
    let token = if quote == '`' {
        Token::Quoted(text)
    } else {
        Token::Text(text)
    };
    Ok((token, next + 1))
}
