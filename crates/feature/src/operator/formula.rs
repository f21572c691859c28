//! Arithmetic as text, compiled once to a flat program for a small stack.
//!
//! `a ? b : c`, `||`, `&&`, `== != < <= > >=`, `+ -`, `* / %`, `- !`, `^`, brackets, functions, numbers, names. Missing is
//! NaN and spreads through everything but `coalesce` and `is_missing`; truth is 1 or 0. Decision: both sides of `?:` are
//! computed and one is taken, which keeps the program flat; nothing can fail or allocate while it runs.

use super::distance::haversine;

/// The deepest stack a program may need.
const DEPTH: usize = 64;

/// The deepest nesting that the parser follows.
const NESTING: usize = 40;

#[derive(Debug, Clone, Copy)]
enum Step {
    Number(f64),
    Input(usize),
    One(fn(f64) -> f64),
    Two(fn(f64, f64) -> f64),
    Three(fn(f64, f64, f64) -> f64),
    /// Longitude 1, latitude 1, longitude 2, latitude 2, as Alibaba's generator orders them.
    Haversine,
}

impl Step {
    /// How many values it takes; each leaves one.
    fn takes(self) -> usize {
        match self {
            Step::Number(_) | Step::Input(_) => 0,
            Step::One(_) => 1,
            Step::Two(_) => 2,
            Step::Three(_) => 3,
            Step::Haversine => 4,
        }
    }
}

/// A compiled formula.
#[derive(Debug, Clone)]
pub(super) struct Formula {
    steps: Vec<Step>,
}

/// What is wrong with a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// With the place in the text.
    pub(super) message: String,
    /// A name that is not known.
    pub(super) name: Option<String>,
}

impl Formula {
    /// Compiles; `names` are the inputs in order.
    pub(super) fn compile(text: &str, names: &[&str]) -> Result<Formula, Wrong> {
        let mut parser = Parser {
            text,
            at: 0,
            names,
            steps: Vec::new(),
            nesting: 0,
        };
        parser.choice()?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.wrong("expected an operator or the end"));
        }
        let steps = parser.steps;
        let mut depth = 0usize;
        for step in &steps {
            depth = depth + 1 - step.takes();
            if depth > DEPTH {
                let message = format!("expression needs more than {DEPTH} values at once");
                return Err(Wrong { message, name: None });
            }
        }
        Ok(Formula { steps })
    }

    /// Computes; an input is NaN where missing. NaN when there is no result.
    pub(super) fn value(&self, input: impl Fn(usize) -> f64) -> f64 {
        let mut stack = [0.0; DEPTH];
        let mut top = 0;
        for step in &self.steps {
            top -= step.takes();
            stack[top] = match *step {
                Step::Number(x) => x,
                Step::Input(i) => input(i),
                Step::One(f) => f(stack[top]),
                Step::Two(f) => f(stack[top], stack[top + 1]),
                Step::Three(f) => f(stack[top], stack[top + 1], stack[top + 2]),
                Step::Haversine => haversine(stack[top + 1], stack[top], stack[top + 3], stack[top + 2]),
            };
            top += 1;
        }
        stack[0]
    }
}

/// `condition ? then : otherwise`.
fn choose(condition: f64, then: f64, otherwise: f64) -> f64 {
    if condition.is_nan() {
        f64::NAN
    } else if condition != 0.0 {
        then
    } else {
        otherwise
    }
}

/// The result of `f`, but NaN where an operand is: for comparisons and functions that would hide it.
macro_rules! strict {
    ($f:expr) => {
        |a: f64, b: f64| {
            if a.is_nan() || b.is_nan() {
                f64::NAN
            } else {
                $f(a, b)
            }
        }
    };
}

fn truth(x: bool) -> f64 {
    f64::from(u8::from(x))
}

type One = fn(f64) -> f64;
type Two = fn(f64, f64) -> f64;

const OR: Two = strict!(|a, b| truth(a != 0.0 || b != 0.0));
const AND: Two = strict!(|a, b| truth(a != 0.0 && b != 0.0));
const MIN: Two = strict!(f64::min);
const MAX: Two = strict!(f64::max);
const POW: Two = strict!(libm::pow);
const ADD: Two = |a, b| a + b;
const MUL: Two = |a, b| a * b;

/// Comparisons; the longer of two that begin alike first.
const COMPARISONS: [(&str, Two); 6] = [
    ("==", strict!(|a, b| truth(a == b))),
    ("!=", strict!(|a, b| truth(a != b))),
    ("<=", strict!(|a, b| truth(a <= b))),
    (">=", strict!(|a, b| truth(a >= b))),
    ("<", strict!(|a, b| truth(a < b))),
    (">", strict!(|a, b| truth(a > b))),
];

const SUMS: [(&str, Two); 2] = [("+", ADD), ("-", |a, b| a - b)];
const PRODUCTS: [(&str, Two); 3] = [("*", MUL), ("/", |a, b| a / b), ("%", libm::fmod)];

/// Functions of one number.
const ONE: [(&str, One); 27] = [
    ("abs", f64::abs),
    ("acos", libm::acos),
    ("acosh", libm::acosh),
    ("asin", libm::asin),
    ("asinh", libm::asinh),
    ("atan", libm::atan),
    ("atanh", libm::atanh),
    ("ceil", f64::ceil),
    ("cos", libm::cos),
    ("cosh", libm::cosh),
    ("exp", libm::exp),
    ("floor", f64::floor),
    ("is_missing", |x| truth(x.is_nan())),
    ("ln", libm::log),
    ("log", libm::log),
    ("log10", libm::log10),
    ("log1p", libm::log1p),
    ("log2", libm::log2),
    ("rint", f64::round_ties_even),
    ("round", f64::round),
    ("sigmoid", |x| 1.0 / (1.0 + libm::exp(-x))),
    ("sign", |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
    ("sin", libm::sin),
    ("sinh", libm::sinh),
    ("sqrt", f64::sqrt),
    ("tan", libm::tan),
    ("tanh", libm::tanh),
];

/// Functions of two or more numbers, from the left.
const MANY: [(&str, Two); 5] = [
    ("coalesce", |a, b| if a.is_nan() { b } else { a }),
    ("max", MAX),
    ("min", MIN),
    ("pow", POW),
    ("sum", ADD),
];

const CONSTANTS: [(&str, f64); 2] = [("_e", std::f64::consts::E), ("_pi", std::f64::consts::PI)];

/// The names of all functions, for messages and pages.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    let one = ONE.iter().map(|(name, _)| *name);
    let many = MANY.iter().map(|(name, _)| *name);
    one.chain(many)
        .chain(["avg", "clamp", "haversine", "if", "trunc"])
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    names: &'t [&'t str],
    steps: Vec<Step>,
    nesting: usize,
}

impl<'t> Parser<'t> {
    fn wrong(&self, message: &str) -> Wrong {
        let place = self.text[..self.at].chars().count() + 1;
        let message = format!(
            "{message} at character {place} of `{}`",
            crate::text::shorten(self.text)
        );
        Wrong { message, name: None }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Reads a mark if it is next.
    fn eat(&mut self, mark: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len() } else { 0 };
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), Wrong> {
        match self.eat(mark) {
            true => Ok(()),
            false => Err(self.wrong(&format!("expected `{mark}`"))),
        }
    }

    fn choice(&mut self) -> Result<(), Wrong> {
        self.nesting += 1;
        if self.nesting > NESTING {
            return Err(self.wrong("nested too deeply"));
        }
        self.or()?;
        if self.eat("?") {
            self.choice()?;
            self.expect(":")?;
            self.choice()?;
            self.steps.push(Step::Three(choose));
        }
        self.nesting -= 1;
        Ok(())
    }

    fn or(&mut self) -> Result<(), Wrong> {
        self.left(&[("||", OR)], |parser| {
            parser.left(&[("&&", AND)], Self::comparison)
        })
    }

    fn comparison(&mut self) -> Result<(), Wrong> {
        self.left(&COMPARISONS, |parser| {
            parser.left(&SUMS, |parser| parser.left(&PRODUCTS, Self::unary))
        })
    }

    /// Operators of one rank, from the left.
    fn left(
        &mut self,
        operators: &[(&str, Two)],
        next: impl Fn(&mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        next(self)?;
        while let Some((_, f)) = operators.iter().find(|(mark, _)| self.eat(mark)) {
            next(self)?;
            self.steps.push(Step::Two(*f));
        }
        Ok(())
    }

    fn unary(&mut self) -> Result<(), Wrong> {
        let mut signs = Vec::new();
        loop {
            if self.eat("-") {
                signs.push(Step::One(|x| -x));
            } else if !self.rest().trim_start().starts_with("!=") && self.eat("!") {
                signs.push(Step::One(|x| if x.is_nan() { x } else { truth(x == 0.0) }));
            } else {
                break;
            }
        }
        self.power()?;
        self.steps.extend(signs.into_iter().rev());
        Ok(())
    }

    fn power(&mut self) -> Result<(), Wrong> {
        self.atom()?;
        if self.eat("^") {
            self.nesting += 1;
            if self.nesting > NESTING {
                return Err(self.wrong("nested too deeply"));
            }
            self.unary()?;
            self.nesting -= 1;
            self.steps.push(Step::Two(POW));
        }
        Ok(())
    }

    fn atom(&mut self) -> Result<(), Wrong> {
        if self.eat("(") {
            self.choice()?;
            return self.expect(")");
        }
        if self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.number();
        }
        if self.eat("`") {
            let Some(end) = self.rest().find('`') else {
                return Err(self.wrong("expected a closing `"));
            };
            let name = &self.rest()[..end];
            self.at += end + 1;
            return self.name(name);
        }
        let end = self
            .rest()
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest().len());
        if end == 0 {
            return Err(self.wrong("expected a number, a name or a bracket"));
        }
        let name = &self.rest()[..end];
        self.at += end;
        if self.eat("(") {
            self.call(name)
        } else {
            self.name(name)
        }
    }

    fn number(&mut self) -> Result<(), Wrong> {
        let rest = self.rest().as_bytes();
        let digits = |from: usize| {
            rest[from..]
                .iter()
                .take_while(|b| b.is_ascii_digit() || **b == b'.')
                .count()
        };
        let mut end = digits(0);
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            end += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let Some(x) = self.rest()[..end].parse::<f64>().ok().filter(|x| x.is_finite()) else {
            return Err(self.wrong("expected a number"));
        };
        self.at += end;
        self.steps.push(Step::Number(x));
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<(), Wrong> {
        if let Some(i) = self.names.iter().position(|known| *known == name) {
            self.steps.push(Step::Input(i));
            return Ok(());
        }
        if let Some((_, x)) = CONSTANTS.iter().find(|(known, _)| *known == name) {
            self.steps.push(Step::Number(*x));
            return Ok(());
        }
        let message = format!("`{name}` is no input of this feature");
        Err(Wrong {
            message,
            name: Some(name.to_owned()),
        })
    }

    /// A function, its opening bracket read.
    fn call(&mut self, name: &str) -> Result<(), Wrong> {
        let known =
            |functions: &[(&str, Two)]| functions.iter().find(|(known, _)| *known == name).map(|x| x.1);
        let (mut count, many) = (0usize, known(&MANY));
        let folded = many.or((name == "avg").then_some(ADD));
        if !self.eat(")") {
            loop {
                self.choice()?;
                count += 1;
                if let (Some(f), 2..) = (folded, count) {
                    self.steps.push(Step::Two(f));
                }
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.finish_call(name, count, folded.is_some())
    }

    fn finish_call(&mut self, name: &str, count: usize, folded: bool) -> Result<(), Wrong> {
        let one = ONE.iter().find(|(known, _)| *known == name).map(|x| x.1);
        let trunc: One = f64::trunc;
        match (name, count, one.or((name == "trunc").then_some(trunc))) {
            (_, 1, Some(f)) => self.steps.push(Step::One(f)),
            ("pow", 2, _) | ("min" | "max" | "sum" | "coalesce", 1.., _) => {}
            ("avg", 1.., _) => self
                .steps
                .extend([Step::Number(count as f64), Step::Two(|a, b| a / b)]),
            ("if", 3, _) => self.steps.push(Step::Three(choose)),
            ("clamp", 3, _) => self
                .steps
                .push(Step::Three(|x, low, high| MIN(MAX(x, low), high))),
            ("haversine", 4, _) => self.steps.push(Step::Haversine),
            (_, _, Some(_)) => return Err(self.wrong(&format!("{name} takes one argument, got {count}"))),
            ("if" | "pow" | "haversine" | "clamp", ..) => {
                return Err(self.wrong(&format!("{name} does not take {count} arguments")));
            }
            _ if folded => return Err(self.wrong(&format!("{name} needs an argument"))),
            _ => {
                let message = format!("unknown function `{name}`");
                return Err(Wrong {
                    message,
                    name: Some(name.to_owned()),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> f64 {
        let inputs = [2.0, 3.0, f64::NAN];
        match Formula::compile(text, &["x", "y", "gone", "odd name"]) {
            Ok(formula) => formula.value(|i| inputs.get(i).copied().unwrap_or(7.0)),
            Err(wrong) => panic!("{}", wrong.message),
        }
    }

    fn wrong(text: &str) -> String {
        Formula::compile(text, &["x"]).unwrap_err().message
    }

    #[test]
    fn arithmetic_and_precedence() {
        let cases = [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("-x ^ 2", -4.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("2 ^ -1", 0.5),
            ("7 % 4 - 1", 2.0),
            ("10 / 4 / 5", 0.5),
            ("1.5e1 + .5", 15.5),
            ("`odd name` + x", 9.0),
        ];
        cases
            .iter()
            .for_each(|(text, value)| assert_eq!(run(text), *value, "{text}"));
    }

    #[test]
    fn logic_and_choice() {
        let cases = [
            ("x < y && y <= 3 ? 10 : 20", 10.0),
            ("x > y ? 1 : x == 2 ? 5 : 6", 5.0),
            ("!(x != 2) || 0", 1.0),
            ("!x", 0.0),
            ("if(x > 5, log(-1), 4)", 4.0),
            ("clamp(y, 0, 2.5)", 2.5),
            ("max(x, y, 1) + min(x, y)", 5.0),
            ("avg(x, y, 4) + sum(1, 2)", 6.0),
            ("coalesce(gone, gone, y)", 3.0),
            ("is_missing(gone) + is_missing(x)", 1.0),
            ("sign(-x) + trunc(2.9) + round(2.5) + rint(2.5)", 6.0),
            ("log10(1000) + log2(8) + abs(-1)", 7.0),
        ];
        cases
            .iter()
            .for_each(|(text, value)| assert_eq!(run(text), *value, "{text}"));
    }

    #[test]
    fn missing_spreads() {
        for text in [
            "gone + 1",
            "gone == gone",
            "max(gone, 1)",
            "gone ? 1 : 2",
            "gone && 0",
            "gone ^ 0",
            "!gone",
            "0 / 0",
        ] {
            assert!(run(text).is_nan(), "{text}");
        }
    }

    #[test]
    fn faults_name_the_place() {
        assert_eq!(
            wrong("x +"),
            "expected a number, a name or a bracket at character 4 of `x +`"
        );
        assert_eq!(
            wrong("x x"),
            "expected an operator or the end at character 3 of `x x`"
        );
        assert_eq!(wrong("(x"), "expected `)` at character 3 of `(x`");
        assert_eq!(wrong("xx"), "`xx` is no input of this feature");
        assert!(wrong("foo(x)").contains("unknown function `foo`"));
        assert!(wrong("log(x, x)").contains("log takes one argument, got 2"));
        assert!(wrong("max()").contains("max needs an argument"));
        assert!(wrong(&"(".repeat(1000)).contains("nested too deeply"));
        assert!(wrong(&format!("{}1", "2^".repeat(100_000))).contains("nested too deeply"));
        let wide = vec!["1"; 80].join("?1:");
        assert!(Formula::compile(&wide, &[]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[x0-9+*/^?:()<>=!&|,. -]{0,40}") {
            if let Ok(formula) = Formula::compile(&text, &["x"]) {
                let _ = formula.value(|_| 2.0);
            }
        }
    }
}
