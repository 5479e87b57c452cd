// The page of a contribution: how far it is; when more than numbers changed, the page anew.
import { find } from "./dom";
import { follow } from "./following";

const anew = (): void => location.reload();
follow(find("#progress"), anew, anew);
