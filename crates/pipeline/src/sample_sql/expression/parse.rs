//! Pieces to a tree, by precedence climbing; nesting is bounded.

use rankine_config::nearest;

use super::lex::{Token, lex};
use super::{Binary, Complaint, FUNCTIONS, Node};

/// How deep brackets may nest.
const DEEPEST: usize = 64;

/// How many words and signs there may be: a chain of operators is as deep as it is long.
const LONGEST: usize = 1000;

/// Reads a selection.
///
/// # Errors
/// What does not read, with its place.
pub(crate) fn parse(text: &str) -> Result<Node, Complaint> {
    let tokens = lex(text)?;
    if tokens.len() > LONGEST {
        let message = format!("expected at most {LONGEST} words and signs, got {}", tokens.len());
        return Err(Complaint::new(0, message));
    }
    let mut parser = Parser {
        tokens,
        next: 0,
        depth: 0,
    };
    let node = parser.expression(0)?;
    if *parser.peek() != Token::End {
        return Err(parser.expected("an operator or the end"));
    }
    Ok(node)
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn at(&self) -> usize {
        self.tokens
            .get(self.next)
            .or(self.tokens.last())
            .map_or(0, |(_, at)| *at)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn expected(&self, what: &str) -> Complaint {
        Complaint::new(self.at(), format!("expected {what}, got {}", self.peek().told()))
    }

    fn sign(&mut self, sign: &'static str) -> bool {
        let here = *self.peek() == Token::Sign(sign);
        self.next += usize::from(here);
        here
    }

    fn must(&mut self, sign: &'static str) -> Result<(), Complaint> {
        if self.sign(sign) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{sign}`")))
        }
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.tokens.get(self.next + ahead), Some((Token::Word(found), _)) if found.eq_ignore_ascii_case(word))
    }

    fn word(&mut self, word: &str) -> bool {
        let here = self.is_word(0, word);
        self.next += usize::from(here);
        here
    }

    fn must_word(&mut self, word: &str) -> Result<(), Complaint> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.expected(word))
        }
    }

    /// An expression whose operators bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Result<Node, Complaint> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Complaint::new(self.at(), format!("nested deeper than {DEEPEST}")));
        }
        let mut left = self.operand(least)?;
        while let Some(grown) = self.grow(&left, least)? {
            left = grown;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// What follows an operand, if it binds tightly enough.
    fn grow(&mut self, left: &Node, least: u8) -> Result<Option<Node>, Complaint> {
        if let Some(operator) = self.binary().filter(|o| o.form().1 >= least) {
            self.next += 1;
            let right = self.expression(operator.form().1 + 1)?;
            return Ok(Some(Node::Binary(
                operator,
                Box::new(left.clone()),
                Box::new(right),
            )));
        }
        if least > 4 {
            return Ok(None);
        }
        self.test(left)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever is no operator")]
    fn binary(&self) -> Option<Binary> {
        Some(match self.peek() {
            Token::Sign("=" | "==") => Binary::Equal,
            Token::Sign("<>" | "!=") => Binary::Unequal,
            Token::Sign("<") => Binary::Less,
            Token::Sign("<=") => Binary::LessEqual,
            Token::Sign(">") => Binary::More,
            Token::Sign(">=") => Binary::MoreEqual,
            Token::Sign("+") => Binary::Plus,
            Token::Sign("-") => Binary::Minus,
            Token::Sign("*") => Binary::Times,
            Token::Sign("/") => Binary::Over,
            Token::Sign("%") => Binary::Modulo,
            _ if self.is_word(0, "or") => Binary::Or,
            _ if self.is_word(0, "and") => Binary::And,
            _ => return None,
        })
    }

    /// `IS NULL`, `IN`, `BETWEEN`.
    fn test(&mut self, left: &Node) -> Result<Option<Node>, Complaint> {
        let left = Box::new(left.clone());
        if self.word("is") {
            let negated = self.word("not");
            self.must_word("null")?;
            return Ok(Some(Node::IsNull(left, negated)));
        }
        let negated = self.is_word(0, "not") && (self.is_word(1, "in") || self.is_word(1, "between"));
        self.next += usize::from(negated);
        if self.word("in") {
            self.must("(")?;
            return Ok(Some(Node::In(left, self.list()?, negated)));
        }
        if self.word("between") {
            let low = self.expression(5)?;
            self.must_word("and")?;
            let high = self.expression(5)?;
            return Ok(Some(Node::Between(left, Box::new((low, high)), negated)));
        }
        Ok(None)
    }

    /// Expressions up to the closing bracket.
    fn list(&mut self) -> Result<Vec<Node>, Complaint> {
        let mut list = vec![self.expression(0)?];
        while self.sign(",") {
            list.push(self.expression(0)?);
        }
        self.must(")")?;
        Ok(list)
    }

    fn operand(&mut self, least: u8) -> Result<Node, Complaint> {
        if self.sign("(") {
            let inner = self.expression(0)?;
            self.must(")")?;
            return Ok(inner);
        }
        if self.sign("-") {
            return Ok(Node::Negative(Box::new(self.expression(7)?)));
        }
        if least <= 3 && self.word("not") {
            return Ok(Node::Not(Box::new(self.expression(3)?)));
        }
        let at = self.at();
        match self.peek().clone() {
            Token::Number(text) => self.leaf(Node::Number(text)),
            Token::Text(text) => self.leaf(Node::Text(text)),
            Token::Quoted(name) => self.leaf(Node::Column(name, at)),
            Token::Word(word) => self.named(&word, at),
            Token::Sign(_) | Token::End => Err(self.expected("a value")),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "an arm beside those that fail")]
    fn leaf(&mut self, node: Node) -> Result<Node, Complaint> {
        self.next += 1;
        Ok(node)
    }

    /// What begins with a word: a column, `NULL`, `CASE`, `if(…)` or a function.
    fn named(&mut self, word: &str, at: usize) -> Result<Node, Complaint> {
        let lower = word.to_ascii_lowercase();
        if matches!(
            lower.as_str(),
            "and"
                | "or"
                | "not"
                | "in"
                | "is"
                | "between"
                | "when"
                | "then"
                | "else"
                | "end"
                | "true"
                | "false"
        ) {
            return Err(self.expected("a value (conditions are written as they are, truth as 1 and 0)"));
        }
        self.take();
        if lower == "null" {
            return Ok(Node::Null);
        }
        if lower == "case" {
            return self.case();
        }
        if !self.sign("(") {
            return Ok(Node::Column(word.to_owned(), at));
        }
        if lower == "if" {
            return self.choice(at);
        }
        self.call(&lower, at)
    }

    /// `if(condition, then, else)`, its bracket open.
    fn choice(&mut self, at: usize) -> Result<Node, Complaint> {
        let list = self.list()?;
        let count = list.len();
        let [condition, then, otherwise] = <[Node; 3]>::try_from(list)
            .map_err(|_| Complaint::new(at, format!("`if` takes 3 arguments, got {count}")))?;
        Ok(Node::Case(vec![(condition, then)], Some(Box::new(otherwise))))
    }

    fn case(&mut self) -> Result<Node, Complaint> {
        let mut branches = Vec::new();
        while self.word("when") {
            let condition = self.expression(0)?;
            self.must_word("then")?;
            branches.push((condition, self.expression(0)?));
        }
        if branches.is_empty() {
            return Err(self.expected("`WHEN`"));
        }
        let otherwise = if self.word("else") {
            Some(Box::new(self.expression(0)?))
        } else {
            None
        };
        self.must_word("end")?;
        Ok(Node::Case(branches, otherwise))
    }

    /// A function's arguments, its bracket open.
    fn call(&mut self, name: &str, at: usize) -> Result<Node, Complaint> {
        let Some(function) = FUNCTIONS.iter().find(|f| f.name == name).copied() else {
            let known = FUNCTIONS.iter().map(|f| f.name).chain(["if"]);
            let mut complaint = Complaint::new(
                at,
                format!(
                    "unknown function `{name}`, expected one of: if, {}",
                    FUNCTIONS.map(|f| f.name).join(", ")
                ),
            );
            complaint.nearest = nearest(name, known).map(str::to_owned);
            return Err(complaint);
        };
        let distinct = function.aggregate && self.word("distinct");
        let list = if name == "count" && !distinct && self.sign("*") {
            self.must(")")?;
            vec![Node::Star]
        } else {
            self.list()?
        };
        let (least, most) = function.arguments;
        if !(least..=most).contains(&list.len()) {
            let message = format!("`{name}` takes {least} to {most} arguments, got {}", list.len());
            return Err(Complaint::new(at, message));
        }
        Ok(Node::Call(function, distinct, list, at))
    }
}
