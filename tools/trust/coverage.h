/*
** coverage.h - For 'make coverage', which has the compiler include it in front of
** every file of src/: who ends by _exit has counted what it reached.
*/
#ifndef coverage_h
#define coverage_h

void __gcov_dump (void);
void __gcov_reset (void);
_Noreturn void __real__exit (int code);
_Noreturn void __wrap__exit (int code);


/* The linker has all calls of _exit come here: -Wl,--wrap. */
__attribute__((weak, visibility("hidden"))) _Noreturn void
__wrap__exit (int code) {
  __gcov_dump();
  __gcov_reset();
  __real__exit(code);
}

#endif
