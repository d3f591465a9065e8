/*
** resolver.c - Preloaded, it finds all names of hosts at 127.0.0.1; those that
** begin with "slow" take half a second.
*/
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int (*Find)(const char *, const char *, const struct addrinfo *,
                    struct addrinfo **);


int getaddrinfo (const char *host, const char *service,
                 const struct addrinfo *hints, struct addrinfo **list) {
  Find find = (Find)dlsym(RTLD_NEXT, "getaddrinfo");
  if (host == NULL || (hints != NULL && hints->ai_flags & AI_NUMERICHOST))
    return find(host, service, hints, list);
  if (strncmp(host, "slow", 4) == 0) usleep(500000);
  return find("127.0.0.1", service, hints, list);
}
