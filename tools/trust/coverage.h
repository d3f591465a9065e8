/*
** coverage.h - For 'make coverage', which has the compiler include it in front of
** every file of src/: who ends by _exit has counted what it reached.
*/
#ifndef coverage_h
#define coverage_h

#include <unistd.h>

void __gcov_dump (void);
void __gcov_reset (void);

#define _exit(code) (__gcov_dump(), __gcov_reset(), _exit(code))

#endif
