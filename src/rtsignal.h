/*
** rtsignal.h - A real-time signal that nobody else uses. Process-wide.
*/
#ifndef sk_rtsignal_h
#define sk_rtsignal_h

#include <signal.h>

#include "sk.h"

/*
** Have one call 'f' from now on, with these flags besides SA_SIGINFO. Its
** number, or a negative errno: -EAGAIN if all are in use.
*/
SK_FUNC int sk_rtsignal_claim (void (*f)(int, siginfo_t *, void *), int flags);

#endif
