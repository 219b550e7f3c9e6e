//! From text to a checked expression. The text is CEL, read by the `cel` crate's parser; of its tree only the subset of
//! `policy/README.md` passes, names become slot numbers and every type is settled here, so that evaluation cannot meet a wrong one.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use crate::evaluate::{Context, Node, TODAY, Val};
use crate::function;
use crate::operator;
use crate::parameter::Parameter;
use crate::parsed::parsed;
use crate::region::RegionSet;
use crate::value::{Type, Value};

/// The longest expression that is read.
const MOST_CHARACTERS: usize = 4_000;
/// How deep definitions may stand in each other.
const MOST_DEFINITIONS: usize = 16;

/// What a name stands for.
pub(crate) enum Meaning {
    /// A value of the case.
    Slot(u16, Type),
    /// A value that is the same in the whole service.
    Constant(Value),
    /// Another expression, by its text.
    Formula(String, Type),
    /// A number of the centre.
    Parameter(Arc<Parameter>),
}

/// Where names are looked up.
pub(crate) trait Scope {
    /// What a name stands for.
    fn meaning(&mut self, name: &str) -> Option<Meaning>;
    /// A set of districts.
    fn region(&self, name: &str) -> Option<Arc<RegionSet>>;
}

/// A checked expression with its type.
pub(crate) type Typed = (Node, Type);

/// Reads and checks an expression.
///
/// # Errors
/// What is wrong with it, in one sentence.
pub(crate) fn compile(text: &str, scope: &mut dyn Scope) -> Result<Typed, String> {
    Compiler {
        scope,
        in_months: false,
        open: Vec::new(),
    }
    .text(text)
}

/// As [`compile`], of a declared type.
pub(crate) fn compile_as(text: &str, wanted: Type, scope: &mut dyn Scope) -> Result<Node, String> {
    let (node, found) = compile(text, scope)?;
    fit(node, found, wanted)
}

/// Reads one expression; knows where in it the reading stands.
struct Compiler<'a> {
    scope: &'a mut dyn Scope,
    in_months: bool,
    /// The definitions that are being written out.
    open: Vec<String>,
}

impl Compiler<'_> {
    fn text(&mut self, text: &str) -> Result<Typed, String> {
        if text.chars().count() > MOST_CHARACTERS {
            return Err(format!("longer than {MOST_CHARACTERS} characters"));
        }
        self.expression(&parsed(text)?.expr)
    }

    fn expression(&mut self, expr: &Expr) -> Result<Typed, String> {
        match expr {
            Expr::Literal(literal) => literal_value(literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) if select.test => {
                let name = qualified(expr)?;
                match self.scope.meaning(&name) {
                    Some(Meaning::Slot(slot, _)) => Ok((Node::Has(slot), Type::Bool)),
                    Some(_) => Err(format!("has({name}): only a declared name may be missing")),
                    None => Err(unknown_name(&name)),
                }
            }
            Expr::Select(_) => self.name(&qualified(expr)?),
            Expr::Call(call) => self.call(call),
            Expr::List(_) => Err("a list stands only after `in`".into()),
            _ => Err("only names, literals, operators and the listed functions are allowed".into()),
        }
    }

    fn name(&mut self, name: &str) -> Result<Typed, String> {
        match name {
            "month" if self.in_months => return Ok((Node::Month, Type::Month)),
            "month" => return Err("`month` stands only inside sum_months or count_months".into()),
            "today" => return Ok((Node::Slot(TODAY), Type::Date)),
            _ => {}
        }
        match self.scope.meaning(name) {
            Some(Meaning::Slot(slot, ty)) => Ok((Node::Slot(slot), ty)),
            Some(Meaning::Constant(value)) => Ok(constant(value)),
            Some(Meaning::Formula(text, ty)) => self.definition(name, &text, ty),
            Some(Meaning::Parameter(parameter)) if parameter.arguments.is_empty() => {
                let ty = parameter.ty;
                Ok((Node::Parameter(parameter, Vec::new()), ty))
            }
            Some(Meaning::Parameter(parameter)) => Err(format!(
                "{name} needs its {} argument(s)",
                parameter.arguments.len()
            )),
            None if self.scope.region(name).is_some() => Err(format!(
                "{name} is a set of districts: it stands only after `in`"
            )),
            None => Err(unknown_name(name)),
        }
    }

    fn definition(&mut self, name: &str, text: &str, ty: Type) -> Result<Typed, String> {
        if self.open.iter().any(|open| open == name) {
            return Err(format!("{name} is defined by itself"));
        }
        if self.open.len() >= MOST_DEFINITIONS {
            return Err(format!(
                "more than {MOST_DEFINITIONS} definitions in each other"
            ));
        }
        self.open.push(name.into());
        let found = self.text(text);
        self.open.pop();
        let (node, found) = found.map_err(|error| format!("{name}: {error}"))?;
        Ok((
            fit(node, found, ty).map_err(|error| format!("{name}: {error}"))?,
            ty,
        ))
    }

    fn call(&mut self, call: &CallExpr) -> Result<Typed, String> {
        if let Some(target) = &call.target {
            let name = format!("{}.{}", qualified(&target.expr)?, call.func_name);
            return self.series(&name, call);
        }
        let args = &call.args;
        let argument = |index: usize| args.get(index).map(|arg| &arg.expr);
        match call.func_name.as_str() {
            operators::LOGICAL_AND => self.junction(call, true),
            operators::LOGICAL_OR => self.junction(call, false),
            operators::IN => self.membership(argument(0), argument(1)),
            operators::CONDITIONAL => self.choice(call),
            "sum_months" | "count_months" => self.over_months(call),
            operators::LOGICAL_NOT
            | operators::NEGATE
            | operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO => {
                let operands = self.all(call)?;
                operator::apply(&call.func_name, operands)
            }
            name => {
                if let Some(Meaning::Parameter(parameter)) = self.scope.meaning(name) {
                    let given = self.all(call)?;
                    return parameter_call(parameter, given);
                }
                let given = self.all(call)?;
                function::apply(name, given)
            }
        }
    }

    fn all(&mut self, call: &CallExpr) -> Result<Vec<Typed>, String> {
        call.args
            .iter()
            .map(|arg| self.expression(&arg.expr))
            .collect()
    }

    /// A series read with its month: `rent.monthly(month)`.
    fn series(&mut self, name: &str, call: &CallExpr) -> Result<Typed, String> {
        let Some(Meaning::Slot(slot, ty)) = self.scope.meaning(name) else {
            return Err(unknown_name(name));
        };
        let element = ty
            .element()
            .ok_or_else(|| format!("{name} is not a value by month"))?;
        let [month] = call.args.as_slice() else {
            return Err(format!("{name} is read with one month"));
        };
        let (month, found) = self.expression(&month.expr)?;
        Ok((
            Node::AtMonth(slot, Box::new(fit(month, found, Type::Month)?)),
            element,
        ))
    }

    fn junction(&mut self, call: &CallExpr, is_and: bool) -> Result<Typed, String> {
        let mut parts = Vec::new();
        for (node, ty) in self.all(call)? {
            let node = fit(node, ty, Type::Bool)?;
            match (node, is_and) {
                // What is decided at load drops out: conditions of all services share one text.
                (Node::Bool(flag), _) if flag == is_and => {}
                (Node::Bool(flag), _) => return Ok((Node::Bool(flag), Type::Bool)),
                (Node::All(inner), true) | (Node::Any(inner), false) => parts.extend(inner),
                (node, _) => parts.push(node),
            }
        }
        let node = match parts.len() {
            0 => Node::Bool(is_and),
            1 => parts.remove(0),
            _ if is_and => Node::All(parts),
            _ => Node::Any(parts),
        };
        Ok((node, Type::Bool))
    }

    fn membership(&mut self, item: Option<&Expr>, set: Option<&Expr>) -> Result<Typed, String> {
        let (Some(item), Some(set)) = (item, set) else {
            return Err("`in` needs two sides".into());
        };
        let (item, ty) = self.expression(item)?;
        if let Expr::List(list) = set {
            let item = fit(item, ty, Type::Text)?;
            let codes: Result<Vec<Arc<str>>, String> = list
                .elements
                .iter()
                .map(|element| match &element.expr {
                    Expr::Literal(LiteralValue::String(text)) => Ok(text.inner().into()),
                    _ => Err("a list holds texts only".to_owned()),
                })
                .collect();
            return Ok((fold(Node::OneOf(Box::new(item), codes?)), Type::Bool));
        }
        let name = qualified(set)?;
        if let Some(region) = self.scope.region(&name) {
            let item = fit(item, ty, Type::Text)?;
            return Ok((fold(Node::Within(Box::new(item), region)), Type::Bool));
        }
        match self.scope.meaning(&name) {
            Some(Meaning::Slot(slot, Type::Months)) => {
                let item = fit(item, ty, Type::Month)?;
                Ok((Node::InMonths(Box::new(item), slot), Type::Bool))
            }
            Some(_) => Err(format!(
                "{name} is not a list of months nor a set of districts"
            )),
            None => Err(unknown_name(&name)),
        }
    }

    fn choice(&mut self, call: &CallExpr) -> Result<Typed, String> {
        let [condition, yes, no] = call.args.as_slice() else {
            return Err("`?:` needs three parts".into());
        };
        let (condition, ty) = self.expression(&condition.expr)?;
        match fit(condition, ty, Type::Bool)? {
            // What another service is meant by may speak of a form that this one does not have.
            Node::Bool(true) => self.expression(&yes.expr),
            Node::Bool(false) => self.expression(&no.expr),
            condition => {
                let yes = self.expression(&yes.expr)?;
                let no = self.expression(&no.expr)?;
                let (yes, no, ty) = same(yes, no)?;
                Ok((Node::If(Box::new((condition, yes, no))), ty))
            }
        }
    }

    fn over_months(&mut self, call: &CallExpr) -> Result<Typed, String> {
        if self.in_months {
            return Err(format!(
                "{} does not stand inside another sum",
                call.func_name
            ));
        }
        let [first, last, body] = call.args.as_slice() else {
            return Err(format!(
                "{} needs first, last and an expression",
                call.func_name
            ));
        };
        let (first, ty) = self.expression(&first.expr)?;
        let first = fit(first, ty, Type::Month)?;
        let (last, ty) = self.expression(&last.expr)?;
        let last = fit(last, ty, Type::Month)?;
        self.in_months = true;
        let body = self.expression(&body.expr);
        self.in_months = false;
        let (body, ty) = body?;
        if call.func_name == "count_months" {
            let body = fit(body, ty, Type::Bool)?;
            return Ok((Node::CountMonths(Box::new((first, last, body))), Type::Int));
        }
        if !matches!(ty, Type::Fen | Type::Int) {
            return Err(format!("sum_months adds fen or counts, not {}", word(ty)));
        }
        Ok((Node::SumMonths(Box::new((first, last, body))), ty))
    }
}

fn literal_value(literal: &LiteralValue) -> Result<Typed, String> {
    match literal {
        LiteralValue::Boolean(flag) => Ok((Node::Bool(*flag.inner()), Type::Bool)),
        LiteralValue::Int(number) => Ok((Node::Number(*number.inner()), Type::Int)),
        LiteralValue::String(text) => Ok((Node::Text(text.inner().into()), Type::Text)),
        _ => Err("only whole numbers, texts, true and false are allowed as literals".into()),
    }
}

fn constant(value: Value) -> Typed {
    match value {
        Value::Bool(flag) => (Node::Bool(flag), Type::Bool),
        Value::Text(text) => (Node::Text(text), Type::Text),
        Value::Number(number) => (Node::Number(number), Type::Int),
        Value::Months(_) | Value::Series(_) => (Node::Bool(false), Type::Bool),
    }
}

/// The dotted name that an expression spells.
fn qualified(expr: &Expr) -> Result<String, String> {
    match expr {
        Expr::Ident(name) => Ok(name.clone()),
        Expr::Select(select) => Ok(format!(
            "{}.{}",
            qualified(&select.operand.expr)?,
            select.field
        )),
        _ => Err("a field is read from a name only".into()),
    }
}

fn unknown_name(name: &str) -> String {
    format!("unknown name {name}")
}

fn parameter_call(parameter: Arc<Parameter>, given: Vec<Typed>) -> Result<Typed, String> {
    if given.len() != parameter.arguments.len() {
        return Err(format!(
            "{} takes {} argument(s), not {}",
            parameter.name,
            parameter.arguments.len(),
            given.len()
        ));
    }
    let mut nodes = Vec::with_capacity(given.len());
    for ((node, ty), argument) in given.into_iter().zip(&parameter.arguments) {
        let node = match (ty, argument.ty) {
            (Type::Date, Type::Month) => Node::MonthOf(Box::new(node)),
            (found, wanted) => fit(node, found, wanted)
                .map_err(|error| format!("{}, {}: {error}", parameter.name, argument.name))?,
        };
        nodes.push(node);
    }
    let ty = parameter.ty;
    Ok((Node::Parameter(parameter, nodes), ty))
}

/// The node as one of the wanted type; the literal 0 is every number's zero.
pub(crate) fn fit(node: Node, found: Type, wanted: Type) -> Result<Node, String> {
    let is_zero = matches!(node, Node::Number(0)) && found == Type::Int;
    if found == wanted || (is_zero && matches!(wanted, Type::Fen | Type::Bp)) {
        Ok(node)
    } else {
        Err(format!("{} where {} is needed", word(found), word(wanted)))
    }
}

/// Both as values of one type.
pub(crate) fn same(left: Typed, right: Typed) -> Result<(Node, Node, Type), String> {
    let ty = if matches!(left.0, Node::Number(0)) {
        right.1
    } else {
        left.1
    };
    let mismatch = format!("{} and {} do not go together", word(left.1), word(right.1));
    match (fit(left.0, left.1, ty), fit(right.0, right.1, ty)) {
        (Ok(left), Ok(right)) => Ok((left, right, ty)),
        _ => Err(mismatch),
    }
}

/// Computes what needs no value of the case.
pub(crate) fn fold(node: Node) -> Node {
    let constant = |child: &&Node| matches!(child, Node::Bool(_) | Node::Number(_) | Node::Text(_));
    if node.own_slot().is_some() || !node.children().iter().all(constant) {
        return node;
    }
    match node.value(Context::new(&[])) {
        Ok(Val::Bool(flag)) => Node::Bool(flag),
        Ok(Val::Number(number)) => Node::Number(number),
        _ => node,
    }
}

/// The type's word in an error.
pub(crate) fn word(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Fen => "fen",
        Type::Bp => "bp",
        Type::Date => "date",
        Type::Month => "month",
        Type::Instant => "instant",
        Type::Text => "text",
        Type::Months => "a list of months",
        Type::FenByMonth => "fen by month",
        Type::TextByMonth => "text by month",
    }
}
