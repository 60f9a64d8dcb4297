# Has elvesctl write its manual and completions into FOLDER, with the path under which it will be installed.
#   cmake -D PROGRAM=… -D INSTALLED=… -D FOLDER=… -P elvesctl_texts.cmake
file(MAKE_DIRECTORY ${FOLDER})
file(REAL_PATH ${PROGRAM} program)
function(write name)
    execute_process(COMMAND ${PROGRAM} ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
    string(REPLACE "${program}" "${INSTALLED}" text "${text}")
    file(WRITE ${FOLDER}/${name} "${text}")
endfunction()
write(elvesctl.1 man)
write(elvesctl.bash completion bash)
write(_elvesctl completion zsh)
write(elvesctl.fish completion fish)
