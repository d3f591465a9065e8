/*
** pin.h - A thread must not outlive its code: this library stays loaded.
*/
#ifndef sk_pin_h
#define sk_pin_h

#include "sk.h"

/* Never unload it from now on. */
SK_FUNC void sk_pin (void);

#endif
