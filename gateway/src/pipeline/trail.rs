//! What was decided step by step, for whoever asks why. Written down only when asked for.

/// The steps of one decision; silent unless asked for, and then it costs nothing.
#[derive(Debug, Default)]
pub struct Trail(Option<Vec<Step>>);

/// One stage and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub stage: &'static str,
    pub finding: String,
}

impl Trail {
    pub fn silent() -> Self {
        Self(None)
    }

    pub fn written() -> Self {
        Self(Some(Vec::new()))
    }

    pub(super) fn note(&mut self, stage: &'static str, finding: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(Step { stage, finding: finding() });
        }
    }

    /// `None` where nobody asked.
    pub fn steps(&self) -> Option<&[Step]> {
        self.0.as_deref()
    }
}
