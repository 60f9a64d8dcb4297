// A shared object that was built for another version of include/elves/.
extern "C" unsigned const elves_module_api_version;
extern "C" void* elves_make_module(void*);
extern "C" unsigned const elves_module_api_version = 0;
extern "C" void* elves_make_module(void*) { return nullptr; }
