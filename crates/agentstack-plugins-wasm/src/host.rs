//! What makes components ready.

use std::fmt;
use std::sync::{Arc, OnceLock};

use agentstack_core::{Clock, SystemClock};
use agentstack_plugins::{LoadedPlugin, PluginHost, Unloadable};
use async_trait::async_trait;
use wasmtime::Error;
use wasmtime::component::{Component, Linker};

use crate::bindings::PluginPre;
use crate::call::Ready;
use crate::check::check;
use crate::engine::engine;
use crate::imports::link;
use crate::state::{CallState, short};

/// Runs plugins in wasmtime. Cheap to make and to clone: the engine comes with the first component, and clones share it.
///
/// Loading and calling need a tokio runtime with its timer on; it may have one thread.
#[derive(Clone)]
pub struct WasmHost {
    clock: Arc<dyn Clock>,
    linker: Arc<OnceLock<Result<Linker<CallState>, Unloadable>>>,
}

impl WasmHost {
    /// A host with the time of the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// A host that tells plugins the time of a clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, linker: Arc::default() }
    }

    /// Compiles it, which is hard work.
    fn compile(&self, component: &[u8]) -> Result<Ready, Unloadable> {
        let linker = self.linker.get_or_init(linker).as_ref().map_err(Clone::clone)?;
        let component =
            Component::from_binary(linker.engine(), component).map_err(|error| refused(&error))?;
        check(linker.engine(), &component).map_err(Unloadable)?;
        let plugin = linker.instantiate_pre(&component).and_then(PluginPre::new);
        let plugin = plugin.map_err(|error| refused(&error))?;
        Ok(Ready::new(plugin, Arc::clone(&self.clock)))
    }
}

fn linker() -> Result<Linker<CallState>, Unloadable> {
    let linker = || {
        let mut linker = Linker::new(&engine()?);
        link(&mut linker)?;
        Ok(linker)
    };
    linker().map_err(|error| refused(&error))
}

fn refused(error: &Error) -> Unloadable {
    Unloadable(short(&format!("{error:#}")))
}

#[async_trait]
impl PluginHost for WasmHost {
    async fn load(&self, component: Arc<[u8]>) -> Result<Arc<dyn LoadedPlugin>, Unloadable> {
        let host = self.clone();
        let compiled = tokio::task::spawn_blocking(move || host.compile(&component)).await;
        let ready = compiled.map_err(|_| Unloadable("the compiler has stopped".to_owned()))??;
        Ok(Arc::new(ready))
    }
}

impl Default for WasmHost {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WasmHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmHost").finish_non_exhaustive()
    }
}
