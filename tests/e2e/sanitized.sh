# SPDX-License-Identifier: MIT
# Guest programs, shim, UMD, service and worker of a build with sanitizers. Sourced after sandbox.sh.
#
#   sanitized_is_build   whether $sandbox_build has sanitizers
#   sanitized_begin      before the service is started: configures it, and lets sandbox_guest run
#                        programs on the host, where `sanitized_program` finds them
#   sanitized_end        after the service has ended: fails if the sanitizers found something in what
#                        is gpupv's
#
# Programs and worker run without their sandboxes, which the sanitizers' runtimes do not know.

sanitized_is_build() {
  nm -D "$sandbox_build/host/worker/gpupv-worker" | grep -E '__(asan|tsan)_init' > /dev/null
}

sanitized_begin() {
  # Host and guest see the store at one place, and the worker opens what it likes. The runtimes map
  # tens of terabytes: two small numbers side by side are an address there.
  sed -i "s|^guest-store = .*|guest-store = $sandbox/var/DriverStore|
    /^\[service\]/a worker-sandbox = no
    /^\[service\]/a private-data-guard = off" "$sandbox_config"
  export GPUPV_GUARD=off
  # Drivers keep memory until the process ends, libxcb that of connections that were lost, and drivers'
  # compiled code and futexes are not known to the sanitizers. What gpupv leaks is reported all the same: the log is searched for it at the end.
  cat > "$sandbox/leaks" << 'LEAKS'
leak:libLLVM
leak:libvulkan_lvp
leak:libvulkan.so.1
leak:_dl_init
leak:xcb_register_for_special_xge
LEAKS
  cat > "$sandbox/races" << 'RACES'
race:libvulkan_lvp.so
race:libLLVM
deadlock:libvulkan_lvp.so
RACES
  export LSAN_OPTIONS=suppressions=$sandbox/leaks:print_suppressions=0:exitcode=0
  export UBSAN_OPTIONS=print_stacktrace=1
  export TSAN_OPTIONS=suppressions=$sandbox/races:print_suppressions=0:ignore_noninstrumented_modules=1:exitcode=0:allocator_may_return_null=1
  export ASAN_OPTIONS=allocator_may_return_null=1
  sanitized_shim=$(ls "$sandbox_build"/icd/gpupv_devenv_icd*.json | head -n 1)
  sandbox_guest() {
    GPUPV_HOST=unix:$sandbox_socket VK_DRIVER_FILES=$sanitized_shim "$@"
  }
}

# In what a program says, or the service and its workers.
sanitized_findings='ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:'

# Workers that have ended have told what they leaked. Of the service's own processes the probe leaks
# what the driver that it unloads had taken.
sanitized_end() {
  refuse 'ERROR: (Address|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$sandbox/gpupvd.log"
  refuse 'worker.* in [a-zA-Z0-9_]+ .*/(host/worker|wire|util)/[a-z_]+\.[ch]:' "$sandbox/gpupvd.log"
}
