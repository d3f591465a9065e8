/*
** pin.c - This library stays loaded. See pin.h.
*/
#include <dlfcn.h>

#include "pin.h"


void sk_pin (void) {
  static const char here;
  Dl_info info;
  if (dladdr(&here, &info) != 0)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}
