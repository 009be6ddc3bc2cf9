//! What a WebAssembly module does before anything else.

/// Runs the module's constructors, in which the kernels' compiler registers its parts; to be called before the graphics
/// device is opened, and does nothing a second time.
///
/// The linker takes a module that never calls its constructors for a command, which is started anew for each call: it then
/// runs all of them at every entry from JavaScript, each object that is handed over included. Two thirds of an inference
/// went into that. A module that calls them itself is left alone.
pub fn construct() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        // The linker makes this function; it takes nothing, and nothing else calls it.
        #[allow(unsafe_code, reason = "the linker's function")]
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        #[allow(unsafe_code, reason = "called once")]
        ONCE.call_once(|| unsafe { __wasm_call_ctors() });
    }
}
