/*
** report.h - Failures that nobody asks for.
**
** Such a failure is told once, on stderr or to the function given to
** on_error: when its handle is collected, or at the latest when the program
** ends. A handle that fails gets a Report, an object with a finalizer; those
** that do not are spared the cost of one.
*/
#ifndef sk_report_h
#define sk_report_h

#include "outcome.h"

/* Report a failure of which there is nothing but this text. */
SK_FUNC void sk_report_text (lua_State *L, const char *text);

/* The failed handle tells of itself unless somebody asks. */
SK_FUNC void sk_report_make (lua_State *L, Sched *S, int handle);

/* Somebody has asked, or will. */
SK_FUNC void sk_report_drop (Outcome *o);

/* Tell now of all that nobody asked for (a deadlock, the end). */
SK_FUNC void sk_report_all (lua_State *L, Sched *S);

/* core.on_error(f or nil): f(err, text) is told instead of stderr. */
SK_FUNC int sk_report_onerror (lua_State *L);

SK_FUNC void sk_report_open (lua_State *L);

#endif
